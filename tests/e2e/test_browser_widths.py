"""The bar with the decision buttons is visible at every width and height."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.pages import tabs
from tests.e2e.screenshots.places import SHOWN, Place
from tests.e2e.screenshots.site import Gallery

pytestmark = pytest.mark.browser

BREAKS = (599, 600, 601, 899, 900, 901, 1099, 1100, 1101)
WIDTHS = sorted({*range(320, 2201, 20), *BREAKS})
HEIGHTS = (600, 768, 1000)
KEYBOARD = 320  # pixels above the keyboard of a phone
HANDHELD = range(320, 1021, 20)

# The position of the bar, and whether another element covers its buttons: [top, bottom, covered].
BAR = """() => {
  const bar = document.querySelector("#detail .action-bar");
  const { top, bottom } = bar.getBoundingClientRect();
  const covered = [...bar.querySelectorAll("button, a")].filter((one) => one.checkVisibility())
    .filter((one) => {
      const box = one.getBoundingClientRect();
      return !one.contains(document.elementFromPoint(
        box.left + box.width / 2, box.top + box.height / 2));
    });
  return [top, bottom, covered.length];
}"""
SCROLL = """(end) => {
  for (const one of [document.documentElement, document.querySelector("#detail")])
    one.scrollTop = end ? one.scrollHeight : 0;
}"""
UNFOLD = "document.querySelectorAll('#detail details').forEach((one) => one.open = true)"
LENGTHEN = """document.querySelector('#detail .question').append(...Array.from({ length: 90 },
  (_, n) => Object.assign(document.createElement('p'), { textContent: `A line of it, ${n}` })))"""


def place(name: str) -> Place:
    return next(one for one in SHOWN if one.name == name)


def misplaced(page: Page, widths: Iterator[int] | range | list[int], height: int) -> list[str]:
    """Return the sizes at which the bar is not completely visible, at both ends of the page."""
    wrong = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": height})
        for end in (False, True):
            page.evaluate(SCROLL, end)
            top, bottom, covered = page.evaluate(BAR)
            if top < 0 or bottom > height + 0.5 or covered:
                wrong.append(f"{width} x {height}, end={end}: {top} to {bottom}, {covered} hidden")
    return wrong


@pytest.mark.parametrize("name", ["request-typed", "request-together", "request-bare"])
def test_the_bar_is_visible_at_every_width(browser: Browser, shown: Gallery, name: str) -> None:
    one = place(name)
    with tabs(browser, shown, one.who) as tab:
        one.enter(tab, shown.places)
        tab.page.wait_for_load_state()
        tab.page.evaluate(UNFOLD)
        wrong = [fault for height in HEIGHTS for fault in misplaced(tab.page, WIDTHS[::2], height)]
        tab.page.evaluate(LENGTHEN)
        wrong += misplaced(tab.page, WIDTHS, 768)
        assert wrong == []


@pytest.mark.parametrize("name", ["request-typed-refused", "request-together", "request-answered"])
def test_the_bar_is_visible_above_the_keyboard_of_a_phone(
    browser: Browser, shown: Gallery, name: str
) -> None:
    one = place(name)
    with tabs(browser, shown, one.who, has_touch=True, is_mobile=True) as tab:
        one.enter(tab, shown.places)
        tab.page.wait_for_load_state()
        tab.page.evaluate(UNFOLD)
        assert misplaced(tab.page, HANDHELD, KEYBOARD) == []
