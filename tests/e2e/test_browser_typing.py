"""Typed text is kept: updates, refusals and a lost login do not delete it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.e2e.pages import Tab, asked, decide, expect, logged_in, start, tabs
from tests.e2e.server import Person, ServeProcess, say

pytestmark = pytest.mark.browser

HEAD = "claim,person,team,date,category,description,amount,receipt\n"
CARET = "[document.activeElement.id, document.activeElement.selectionStart]"


@pytest.fixture(scope="module")
def server(everyday: ServeProcess) -> ServeProcess:
    return everyday


@pytest.fixture(scope="module")
def admin(server: ServeProcess) -> Person:
    return logged_in(server, "admin")


@pytest.fixture(scope="module")
def bob(server: ServeProcess) -> Person:
    """A person who answers in another place, without a browser."""
    return logged_in(server, "bob")


@pytest.fixture
def alice(browser: Browser, server: ServeProcess) -> Iterator[Tab]:
    with tabs(browser, server, "alice") as tab:
        yield tab


class Bare(NamedTuple):
    """A request with an untyped reply, and the page of its run."""

    request: str
    run: str


def ask(admin: Person, title: str) -> Bare:
    run = start(admin, "assistant", text=f"{title}. It is short.")
    return Bare(asked(admin, title)[0], run)


def claim(admin: Person, *descriptions: str) -> list[str]:
    """Start a run with claims without a receipt, and return the requests about them."""
    lines = [
        f"R-{n},Ada Novak,Sales,2026-10-01,meals,{words},31.50,no\n"
        for n, words in enumerate(descriptions)
    ]
    start(admin, "expenses", claims=HEAD + "".join(lines), closing="")
    return [asked(admin, words)[0] for words in descriptions]


def decisions(page: Page) -> list[Request]:
    """Return a list that gets every decision that the page sends from now on."""
    sent: list[Request] = []
    page.on("request", lambda one: sent.append(one) if one.method == "POST" else None)
    return sent


def test_every_error_is_shown_and_the_typed_text_stays(alice: Tab, admin: Person) -> None:
    (request,) = claim(admin, "Soup with errors")
    alice.open_live(f"/requests/{request}/")
    page = alice.page
    page.fill("[name=amount]", "-3.5")
    page.fill("[name=note]", "x" * 501)
    with page.expect_response("**/decide/") as sent:
        page.click("[name=approved][value=true]")
    assert sent.value.status == 422
    for name in ("amount", "note"):
        expect(page.locator(f"[data-field={name}] .error")).to_be_visible()
    expect(page.locator("#detail .errors")).to_be_focused()
    expect(page.locator("[name=amount]")).to_have_value("-3.5")
    expect(page.locator("[name=note]")).to_have_value("x" * 501)
    expect(alice.row(request)).to_be_visible()

    page.fill("[name=amount]", "30.00")
    page.fill("[name=note]", "Without the tip")
    page.select_option("[name=reason]", "exception")
    with page.expect_response("**/decide/") as sent:
        page.click("[name=approved][value=true]")
    assert sent.value.status == 200
    alice.look_back()
    expect(page.locator("#detail .outcome")).to_contain_text("Without the tip")
    expect(alice.row(request)).to_have_count(0)


def test_an_answer_of_megabytes_is_refused_and_stays_in_its_field(
    alice: Tab, admin: Person
) -> None:
    request = ask(admin, "A long answer").request
    alice.open_live(f"/requests/{request}/")
    page = alice.page
    size = 3_000_000
    page.evaluate("size => document.querySelector('[name=text]').value = 'x'.repeat(size)", size)
    with page.expect_response("**/decide/") as sent:
        page.click("[name=verdict][value=reply]")
    assert sent.value.status == 413
    expect(page.locator("[data-draft-note]")).to_contain_text("the answer is too large")
    expect(page.locator("#announce")).to_contain_text("the answer is too large")
    assert page.evaluate("document.querySelector('[name=text]').value.length") == size
    page.fill("[name=text]", "Shorter")
    with page.expect_response("**/decide/") as sent:
        page.click("[name=verdict][value=reply]")
    assert sent.value.status == 200


def test_updates_do_not_change_a_field_during_typing(
    alice: Tab, admin: Person, bob: Person
) -> None:
    mine = ask(admin, "Hers to answer")
    others = [ask(admin, f"Other {n} leaves").request for n in range(5)]
    alice.open_live(f"/requests/{mine.request}/")
    page = alice.page
    page.locator("[name=comment]").press_sequentially("Ask about the 2nd line")
    page.press("[name=comment]", "ArrowLeft")
    page.press("[name=comment]", "ArrowLeft")
    page.evaluate("window.kept = document.querySelector('form[data-draft]')")
    caret = page.evaluate(CARET)
    waiting = alice.waiting()

    for count, other in enumerate(others, start=1):
        decide(bob, other, verdict="approve")
        expect(alice.row(other)).to_have_count(0)
        alice.expect_waiting(waiting - count)
    page.keyboard.type("!")

    assert page.evaluate("window.kept === document.querySelector('form[data-draft]')")
    assert caret == ["comment", 20]
    assert page.evaluate(CARET) == ["comment", 21]
    expect(page.locator("[name=comment]")).to_have_value("Ask about the 2nd li!ne")


def test_no_letter_is_lost_with_twenty_updates_a_second(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = ServeProcess(tmp_path_factory.mktemp("updates"), "--noreload").wait_until_healthy()
    try:
        mine = ask(logged_in(server, "admin"), "Typed during updates")
        with tabs(browser, server, "alice") as tab:
            tab.open_live(f"/requests/{mine.request}/")
            type_during_updates(tab.page, UpdateLoad(logged_in(server, "admin")))
    finally:
        server.kill()


def type_during_updates(page: Page, load: UpdateLoad) -> None:
    page.evaluate("window.kept = document.querySelector('form[data-draft]')")
    words = "No letter is lost, however many updates there are. " * 4
    page.locator("[name=comment]").focus()
    load.start()
    began = time.monotonic()
    page.locator("[name=comment]").press_sequentially(words, delay=30)
    load.join()
    say(f"{load.ASKED / (time.monotonic() - began):.0f} updates a second")
    expect(page.locator("[name=comment]")).to_have_value(words)
    assert page.evaluate(CARET) == ["comment", len(words)]
    assert page.evaluate("window.kept === document.querySelector('form[data-draft]')")


class UpdateLoad(threading.Thread):
    """A thread that starts a few runs a second; each makes six requests."""

    COUNT, EACH, EVERY = 40, 6, 1 / 6
    ASKED = COUNT * EACH

    def __init__(self, admin: Person) -> None:
        super().__init__(daemon=True)
        self._admin = admin

    def run(self) -> None:
        """Start one run in each interval, or at once if it is late."""
        began = time.monotonic()
        for number in range(self.COUNT):
            time.sleep(max(0.0, began + number * self.EVERY - time.monotonic()))
            lines = [
                f"S-{number}-{one},Ada Novak,Sales,2026-10-01,meals,Soup,31.50,no\n"
                for one in range(self.EACH)
            ]
            start(self._admin, "expenses", claims=HEAD + "".join(lines), closing="")


def test_the_answer_of_another_person_is_shown_beside_the_typed_text(
    alice: Tab, admin: Person, bob: Person
) -> None:
    request, _ = ask(admin, "Two want to answer")
    alice.open_live(f"/requests/{request}/")
    page = alice.page
    page.locator("[name=comment]").press_sequentially("I was about to")
    decide(bob, request, verdict="reject")

    expect(page.locator(f"#status-{request}")).to_contain_text("bob answered this")
    expect(page.locator("[name=comment]")).to_be_focused()
    page.keyboard.type(" say no")
    expect(page.locator("[name=comment]")).to_have_value("I was about to say no")
    expect(alice.row(request)).to_have_count(0)

    with page.expect_response("**/decide/") as sent:
        page.click("[name=verdict][value=approve]")
    assert sent.value.status == 409
    alert = page.locator("#detail [role=alert]")
    expect(alert).to_contain_text("The request was already answered by bob")
    expect(alert).to_be_focused()
    expect(page.locator(".unsent:visible")).to_contain_text("I was about to say no")
    expect(page.locator("#detail .outcome")).to_contain_text("rejected")


def test_the_draft_of_a_request_is_shown_again_after_it_was_left(alice: Tab, admin: Person) -> None:
    first, second = ask(admin, "Begun and left"), ask(admin, "Looked at meanwhile")
    alice.open_live(f"/requests/{first.request}/")
    alice.page.fill("[name=comment]", "Half a sentence")
    alice.row(second.request).click()
    expect(alice.page.locator(f"[data-open='{second.request}']")).to_be_visible()
    expect(alice.page.locator("[name=comment]")).to_have_value("")
    alice.page.go_back()
    expect(alice.page.locator(f"[data-open='{first.request}']")).to_be_visible()
    expect(alice.page.locator("[name=comment]")).to_have_value("Half a sentence")
    alice.page.reload()
    expect(alice.page.locator("[name=comment]")).to_have_value("Half a sentence")


@pytest.mark.parametrize(
    ("verdict", "field", "outcome"),
    [("reject", "comment", "rejected"), ("reply", "text", "returned")],
)
def test_rejections_and_replies_reach_the_run(
    alice: Tab, admin: Person, verdict: str, field: str, outcome: str
) -> None:
    request, run = ask(admin, f"One to {verdict}")
    alice.open_live(f"/requests/{request}/")
    alice.page.fill(f"[name={field}]", "The second line is wrong")
    alice.page.click(f"[name=verdict][value={verdict}]")
    expect(alice.page.locator("#detail .last-decision")).to_be_visible()  # the next request is open
    expect(alice.page.locator("#detail h1")).to_be_focused()
    alice.look_back()
    expect(alice.page.locator("#detail .outcome")).to_contain_text("The second line is wrong")
    alice.open(run)
    expect(alice.page.locator("#run-head")).to_have_attribute("data-status", "completed")
    expect(alice.page.locator("#run-outcome")).to_contain_text(outcome)
    expect(alice.page.locator("#run-outcome")).to_contain_text("The second line is wrong")


def test_enter_in_a_field_never_decides(alice: Tab, admin: Person) -> None:
    (typed,) = claim(admin, "Soup and Enter")
    bare, _ = ask(admin, "Enter is pressed")
    page = alice.page
    sent = decisions(page)
    for request, names in ((typed, ("amount", "note")), (bare, ("comment", "text"))):
        alice.open_live(f"/requests/{request}/")
        for name in names:
            page.fill(f"[name={name}]", "12")
            page.press(f"[name={name}]", "Enter")
    alice.open_live(f"/requests/{typed}/")
    page.select_option("[name=reason]", "exception")
    page.press("[name=reason]", "Enter")
    expect(alice.row(typed)).to_be_visible()
    expect(alice.row(bare)).to_be_visible()
    assert sent == []
    assert page.locator("#detail [role=alert]").count() == 0


def test_a_logout_in_another_tab_closes_the_open_page(
    browser: Browser, server: ServeProcess
) -> None:
    with tabs(browser, server, "") as tab:
        tab.log_in("alice")
        tab.open_live("/")
        other = tab.context.new_page()
        other.goto(f"{tab.origin}/accounts/")
        other.get_by_role("button", name="Log out").locator("visible=true").click()
        other.wait_for_url("**/accounts/login/")
        tab.page.wait_for_url("**/accounts/login/?next=/")


def test_typed_text_is_not_lost_when_a_login_ends(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    request, run = ask(admin, "The login is lost")
    with tabs(browser, server, "") as tab:
        tab.log_in("alice")
        tab.open_live(f"/requests/{request}/")
        tab.page.fill("[name=comment]", "Written before the login was lost")
        tab.context.clear_cookies(name="sessionid")
        tab.page.click("[name=verdict][value=approve]")
        tab.page.wait_for_url(f"**/accounts/login/?next=/requests/{request}/")
        tab.enter("alice")
        tab.page.wait_for_url(f"**/requests/{request}/")
        comment = tab.page.locator("[name=comment]")
        expect(comment).to_have_value("Written before the login was lost")
        tab.page.click("[name=verdict][value=approve]")
        tab.look_back()
        expect(tab.page.locator("#detail .outcome")).to_contain_text("before the login was lost")
        tab.open(run)
        expect(tab.page.locator("#run-head")).to_have_attribute("data-status", "completed")
