"""Texts of workflows and people cannot run anything in a real browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.e2e.pages import (
    NARROW,
    WIDE,
    Tab,
    asked,
    decide,
    expect,
    found,
    logged_in,
    paths_of,
    start,
    tabs,
)
from tests.e2e.server import ROOT, Person, ServeProcess, environment, eventually
from tests.e2e.xss_site.attacks import LONG, MARKDOWN, NAME, PAYLOADS, TEXTS

pytestmark = pytest.mark.browser

SETTINGS = "tests.e2e.xss_site.settings"
EVE = "<b>eve</b>\" onclick='window.pwned=1"
MAKE_EVE = f"""
from django.contrib.auth.models import Group, User
eve = User.objects.create_user({EVE!r}, password="demo", first_name="<i>Eve</i>")
eve.groups.add(Group.objects.get(name="reviewers"))
"""

# Elements and attributes that no template of this project has.
STRANGERS = """() => {
  const strange = "script:not([src]), iframe, object, embed, base, meta[http-equiv], img[src=x],"
    + " link[href*=evil], form[action*=evil], [hx-get*=healthz], body b b, svg[onload]";
  const written = (element) => [...element.attributes].some((one) => one.name.startsWith("on"));
  const leads = (link) => !["http:", "https:", "mailto:"].includes(link.protocol);
  const all = [
    ...document.querySelectorAll(strange),
    ...[...document.querySelectorAll("*")].filter(written),
    ...[...document.querySelectorAll("a[href]")].filter(leads),
  ];
  if (window.pwned) all.push(document.body);
  return all.map((element) => element.outerHTML.slice(0, 200));
}"""
UNFOLD = "() => document.querySelectorAll('main details').forEach((one) => { one.open = true; })"

LISTS = (
    "workflows/workflowrun/?q=fails", "workflows/inputrequest/?q=payload+values",
    "workflows/inputrequest/?q=payload+keys", "workflows/journalentry/", "workflows/snapshot/",
    "approvals/decision/", "auth/user/?q=eve",
)  # fmt: skip

# How texts with hidden characters are shown; all others are shown as they were written.
HIDDEN = {
    "bidi": "pay ⟨U+202E⟩000,1⟨U+202C⟩ EUR ⟨U+2066⟩now⟨U+2069⟩",
    "zero-width": "pay⟨U+200B⟩pal ⟨U+FEFF⟩⟨U+2060⟩.example",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """The paths of the pages of runs that wait, ended and failed."""

    waiting: str
    answered: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        return (self.waiting, *self.answered, *self.failed)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    folder = tmp_path_factory.mktemp("var")
    running = ServeProcess(
        folder, "--noreload", DJANGO_SETTINGS_MODULE=SETTINGS
    ).wait_until_healthy()
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", MAKE_EVE],
        cwd=ROOT, env=environment(folder, DJANGO_SETTINGS_MODULE=SETTINGS), check=True,
    )  # fmt: skip
    yield running
    running.kill()


@pytest.fixture(scope="module")
def scene(server: ServeProcess) -> Scene:
    """Make runs that eve answered in each way, and one that still waits."""
    eve = logged_in(server, EVE)
    ways = {
        "typed": {
            "approved": "true",
            "title": TEXTS["breaker"],
            "text": TEXTS["closer"],
            "choice": "<b>bold</b>",
            "other": LONG[:4_000],
        },
        "bare": {"verdict": "reject", "comment": f"{TEXTS['htmx']}\n{TEXTS['bidi']}\n{LONG}"},
        "lines": {"verdict": "reply", "text": "\n".join(TEXTS.values())},
    }
    answered = []
    for prompt, fields in ways.items():
        answered.append(start(eve, NAME))
        (request,) = asked(eve, f"{prompt} ")
        decide(eve, request, **fields)
        eventually(lambda: not found(eve, "htmx: "), "the run ends and closes its requests")
    failed = tuple(start(eve, "deep", depth=depth) for depth in ("40", "300"))
    failed = (start(eve, "fails"), *failed)
    waiting = start(eve, NAME)
    asked(eve, "payload nothing")
    return Scene(waiting, tuple(answered), failed)


def harm(tab: Tab) -> list[str]:
    """Return the faults of the open page, wide and narrow."""
    page = tab.page
    page.evaluate(UNFOLD)
    wrong = [f"written by us? {text}" for text in page.evaluate(STRANGERS)]
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        if tab.is_too_wide:
            wrong.append(f"too wide at {size['width']}")
    wrong += tab.watch.refused()
    return [f"{page.url}: {text}" for text in wrong]


def test_prompts_are_text(browser: Browser, server: ServeProcess, scene: Scene) -> None:
    bob = logged_in(server, "bob")
    with tabs(browser, server, "alice") as alice:
        alice.open_live("/")
        wrong = harm(alice)
        for name, text in TEXTS.items():
            request = found(bob, f"{name}: ")[0]
            alice.row(request).click()
            expect(alice.page.locator(f"[data-open='{request}']")).to_be_visible()
            shown = HIDDEN.get(name, text)
            expect(alice.page.locator("#detail h1")).to_have_text(f"{name}: {shown}")
        assert wrong + harm(alice) == []


def test_markdown_is_safe(browser: Browser, server: ServeProcess, scene: Scene) -> None:
    bob = logged_in(server, "bob")
    with tabs(browser, server, "alice") as alice:
        wrong = []
        for name, text in MARKDOWN.items():
            alice.open(f"/requests/{found(bob, f'marks {name}')[0]}/")
            wrong += harm(alice)
            page = alice.page
            if not page.locator("#detail .original-text").count():
                assert name in ("table", "quotes"), f"{name} is not read as Markdown"
            shown = page.inner_text("#detail .original-text, #detail .plain-text")
            wrong += [f"{name} is not shown" for _ in [0] if text.split()[-1] not in shown]
            for link in page.locator("#detail .question a").all():
                assert link.get_attribute("rel") == "noopener noreferrer nofollow"
            assert page.locator("#detail .question img").count() == 0
            assert page.locator("h1").count() == 1
        alice.open_live("/")
        assert wrong + harm(alice) == []


def test_payloads_are_text(browser: Browser, server: ServeProcess, scene: Scene) -> None:
    bob = logged_in(server, "bob")
    with tabs(browser, server, "alice") as alice:
        wrong = []
        for words in ("typed", "bare", "lines", *(f"payload {name}" for name in PAYLOADS)):
            alice.open(f"/requests/{found(bob, words)[0]}/")
            wrong += harm(alice)
            if words in ("payload values", "payload prose"):
                read = alice.page.inner_text("#detail .payload")
                shown = [HIDDEN.get(key, text) for key, text in TEXTS.items()]
                wrong += [f"{words}: not shown: {text}" for text in shown if text not in read]
        assert wrong == []


def test_a_form_made_from_attacks_is_filled_in_and_sent(
    browser: Browser, server: ServeProcess
) -> None:
    eve = logged_in(server, EVE)
    known = set(found(eve, "typed "))
    run = start(eve, NAME)
    eventually(lambda: len(found(eve, "typed ")) == len(known) + 1, "it is asked again")
    (request,) = set(found(eve, "typed ")) - known
    with tabs(browser, server, EVE) as tab:
        page = tab.page
        tab.open_live(f"/requests/{request}/")
        assert harm(tab) == []
        expect(page.locator("[name=title]")).to_have_value(TEXTS["breaker"])
        expect(page.locator("[name=text]")).to_have_value(TEXTS["closer"])
        page.click("[name=approved][value=true]")
        expect(page.locator("#detail [role=alert]")).to_be_visible()
        assert harm(tab) == []
        page.check("[name=choice] >> nth=1")
        page.click("[name=approved][value=true]")
        expect(page.locator("#detail .last-decision")).to_contain_text("typed <script>")
        assert harm(tab) == []
        tab.look_back()
        expect(page.locator("#detail .outcome")).to_contain_text(TEXTS["closer"])
        assert harm(tab) == []
        tab.open_live(run)
        expect(page.locator("#run-head")).to_have_attribute("data-status", "completed")
        assert harm(tab) == []


def test_runs_and_answers_are_text(browser: Browser, server: ServeProcess, scene: Scene) -> None:
    with tabs(browser, server, "admin") as admin:
        paths = ["/requests/answered/", "/requests/answered/?closed=1", "/runs/", "/workflows/"]
        wrong = []
        for path in [*paths, "/runs/attention/", *scene.runs]:
            admin.open(path)
            wrong += harm(admin)
        admin.open("/requests/answered/")
        for path in paths_of(admin.page.locator(".answered-list a.row").all()):
            admin.open(path)
            expect(admin.page.locator("#detail .outcome")).to_contain_text(EVE)
            wrong += harm(admin)
        admin.open("/workflows/")
        admin.page.get_by_role("link", name=NAME, exact=True).click()
        expect(admin.page.locator("h1")).to_have_text(NAME)
        assert wrong + harm(admin) == []


def test_a_payload_that_is_nested_too_deeply_is_refused(
    browser: Browser, server: ServeProcess, scene: Scene
) -> None:
    with tabs(browser, server, "admin") as admin:
        for path in scene.failed[1:]:
            admin.open_live(path)
            expect(admin.page.locator("#run-head")).to_have_attribute("data-status", "failed")
            expect(admin.page.locator("#run-outcome .note")).to_contain_text("ask_deeply")


def test_they_are_text_in_the_admin(browser: Browser, server: ServeProcess, scene: Scene) -> None:
    wrong = []
    with tabs(browser, server, "admin") as admin:
        for listed in LISTS:
            admin.open(f"/admin/{listed}")
            wrong += harm(admin)
            path = paths_of(admin.page.locator("#result_list tbody th a").all())[0]
            admin.open(path)
            wrong += harm(admin)
    assert wrong == []


def test_an_attack_typed_as_a_draft_is_shown_as_text(
    browser: Browser, server: ServeProcess
) -> None:
    bob: Person = logged_in(server, "bob")
    start(bob, "assistant", text=f"{TEXTS['script']} A draft for attackers.")
    (request,) = asked(bob, "A draft for attackers")
    with tabs(browser, server, "alice") as alice:
        alice.open_live(f"/requests/{request}/")
        alice.page.fill("[name=comment]", TEXTS["closer"])
        decide(bob, request, verdict="approve", comment=TEXTS["image"])
        expect(alice.page.locator(f"#status-{request}")).to_contain_text("bob answered this")
        alice.page.locator(f"#status-{request}").get_by_role("link").click()
        expect(alice.page.locator("[data-unsent]")).to_contain_text(TEXTS["closer"])
        expect(alice.page.locator("#detail .outcome")).to_contain_text(TEXTS["image"])
        assert harm(alice) == []
