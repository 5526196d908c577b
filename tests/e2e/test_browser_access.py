"""Accessibility: axe finds no fault on any page, in light and dark, wide and narrow.

axe is put into the page by the debugger of the browser, to which the page's policy does not apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.e2e.pages import NARROW, WIDE, Tab, tabs
from tests.e2e.screenshots.places import EMPTY, SHOWN, Place, what_is_missing
from tests.e2e.screenshots.site import Gallery, gallery

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"wide": WIDE, "narrow": NARROW}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]  # these can be wrong in one theme only
ALL = {
    "resultTypes": ["violations"],
    "preload": False,  # it would add a style to the page, which the policy refuses
    "runOnly": {"type": "tag", "values": RULES},
    # Django labels the search of its admin by an image with a text, which axe does not accept.
    "rules": {"label-title-only": {"enabled": False}},
}

FINGER = 44  # pixels
STATUSES = (
    "queued", "running", "waiting", "paused", "blocked", "completed", "failed", "cancelled",
)  # fmt: skip

# Controls in these areas that are smaller than a finger needs. A checkbox or radio button is
# pressed together with its label. A link within a sentence is as high as its line.
SMALL = """([areas, finger]) => [...document.querySelectorAll(areas)]
  .flatMap((area) => [...area.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary")])
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !(one.matches("a:not(.row, .back, .button, .brand)") && one.closest("p, span")))
  .map((one) => [one, (one.closest("label") ?? one).getBoundingClientRect()])
  .filter(([, box]) => Math.min(box.width, box.height) < finger - 0.5)
  .map(([one, box]) => `${box.width} x ${box.height}: ${one.outerHTML.slice(0, 120)}`)"""

# Elements that are animated after the page has lost its socket. Only this mark may be animated.
MOVING = """() => {
  document.querySelectorAll(".live").forEach((one) => {
    one.hidden = false;
    one.dataset.state = "reconnecting";
  });
  const styled = [...document.querySelectorAll("*")].flatMap((one) => [null, "::before", "::after"]
    .map((part) => [one, getComputedStyle(one, part)]))
    .filter(([, style]) => style.animationName !== "none"
      || style.transitionDuration.split(", ").some((time) => parseFloat(time) > 0));
  const running = document.getAnimations().map((one) => [one.effect.target]);
  return [...styled, ...running].map(([one]) => one.outerHTML.slice(0, 120));
}"""

# Waits until the page is drawn in the new theme, because the admin fades from one to the other.
SETTLED = """async () => {
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  await Promise.allSettled(document.getAnimations().map((one) => one.finished));
}"""

# Elements with a meaningful colour and without a text of the same meaning.
WORDLESS = """() => {
  const says = (one) => /[\\p{L}\\d]/u.test(one.innerText + (one.ariaLabel ?? ""));
  const reported =
    ".tag, .note, .outcome, .errors, .banner, .error, .errorlist li, time.late, .count";
  const wrong = [...document.querySelectorAll("[aria-invalid=true]")].filter((one) => {
    const ids = (one.getAttribute("aria-describedby") ?? "").split(" ");
    return !ids.some((id) => document.getElementById(id)?.matches(".error, .errorlist"));
  });
  const nodes = [...document.querySelectorAll(".graph .node:is(.done, .here, .failed)")]
    .filter((one) => !one.getAttribute("aria-label").includes(","));
  return [...document.querySelectorAll(reported)]
    .filter((one) => one.checkVisibility() && one.childNodes.length && !says(one))
    .concat(wrong, nodes).map((one) => one.outerHTML.slice(0, 120));
}"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """A new site without rows."""
    with gallery(tmp_path_factory.mktemp("bare") / "var", "create_accounts_only") as running:
        yield running


def violations(tab: Tab, size: str, scheme: str) -> Iterator[str]:
    """Yield the faults that axe finds on the page as it is now, each with an example element."""
    rules = ALL if scheme == "light" else {**ALL, "runOnly": {"type": "rule", "values": COLOURS}}
    for found in Axe().run(tab.page, options=rules).response["violations"]:
        nodes: list[dict[str, Any]] = found["nodes"]
        html = nodes[0]["html"][:160]
        more = nodes[0]["failureSummary"].replace("\n", " ")
        yield f"{size} {scheme}: {found['id']} ({len(nodes)}×) {html} {more}"


def faults(browser: Browser, site: Gallery, place: Place) -> list[str]:
    """Return the faults of a page at all widths and in all themes."""
    wrong: list[str] = []
    with tabs(browser, site, place.who, reduced_motion="reduce") as tab:
        place.enter(tab, site.places)
        for size, viewport in SIZES.items():
            tab.page.set_viewport_size(viewport)
            if tab.is_too_wide:
                wrong.append(f"{size}: the page scrolls sideways")
            for scheme in SCHEMES:
                tab.page.emulate_media(color_scheme=scheme)
                tab.page.evaluate(SETTLED)
                wrong += violations(tab, size, scheme)
    return wrong


@pytest.mark.parametrize("place", SHOWN, ids=lambda place: place.name)
def test_axe_finds_nothing(browser: Browser, shown: Gallery, place: Place) -> None:
    assert faults(browser, shown, place) == []


@pytest.mark.parametrize("place", EMPTY, ids=lambda place: place.name)
def test_axe_finds_nothing_on_a_new_site(browser: Browser, bare: Gallery, place: Place) -> None:
    assert faults(browser, bare, place) == []


def test_every_page_of_the_url_configuration_is_tested(shown: Gallery) -> None:
    missing = sorted(set(what_is_missing(shown.places)))
    assert missing == [], (
        "These pages are not tested: add a Place for each in tests/e2e/screenshots/places.py, or "
        "add the reason to NO_PAGE why it has none"
    )


@pytest.mark.parametrize(
    "name", ["inbox", "inbox-none-match", "request-bare", "request-typed", "request-answered"]
)
def test_controls_of_the_list_and_the_bar_are_large_enough_for_a_finger(
    browser: Browser, shown: Gallery, name: str
) -> None:
    place = named(name)
    with tabs(browser, shown, place.who, viewport=NARROW, has_touch=True, is_mobile=True) as tab:
        place.enter(tab, shown.places)
        parts = ".list, .action-bar, .topbar, .request > header"
        assert tab.page.evaluate(SMALL, [parts, FINGER]) == []


@pytest.mark.parametrize("name", ["inbox", "request-typed-refused", "run-running", "catalogue"])
def test_nothing_is_animated_with_reduced_motion(
    browser: Browser, shown: Gallery, name: str
) -> None:
    place = named(name)
    with tabs(browser, shown, place.who, reduced_motion="reduce") as tab:
        place.enter(tab, shown.places)
        assert tab.page.evaluate(MOVING) == []
        tab.page.emulate_media(reduced_motion="no-preference")
        assert tab.page.evaluate(MOVING) != [], "otherwise the page has an animation"


def test_every_status_of_a_run_has_a_different_word(browser: Browser, shown: Gallery) -> None:
    words: dict[str, str] = {}
    with tabs(browser, shown, "olga") as tab:
        for status in STATUSES:
            tab.open(shown.places[f"run-{status}"])
            head = tab.page.locator("#run-head")
            assert head.get_attribute("data-status") == status
            words[status] = head.locator(".tag").inner_text()
            assert tab.page.evaluate(WORDLESS) == []
    assert all(any(letter.isalpha() for letter in word) for word in words.values()), words
    assert len(set(words.values())) == len(STATUSES), words


@pytest.mark.parametrize(
    "name",
    ["inbox", "request-answered", "request-typed-refused", "answered", "closed", "runs",
     "attention", "workflow-refused", "password-refused"],
)  # fmt: skip
def test_no_information_is_shown_by_colour_only(
    browser: Browser, shown: Gallery, name: str
) -> None:
    place = named(name)
    with tabs(browser, shown, place.who) as tab:
        place.enter(tab, shown.places)
        assert tab.page.evaluate(WORDLESS) == []


def named(name: str) -> Place:
    """Return the place with this name."""
    return next(place for place in SHOWN if place.name == name)
