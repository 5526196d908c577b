"""A decision with the keyboard only: the order is sensible, and the focus is always visible."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.e2e.pages import Tab, asked, expect, logged_in, start, tabs
from tests.e2e.server import ServeProcess, eventually

pytestmark = pytest.mark.browser

MAX_STOPS = 60  # more means that Tab has passed the element

# The element with the focus, whether it has a focus ring, and whether another element covers it.
FOCUS = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const at = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {
    what: one.name ? `${one.name}=${one.value}` : one.innerText?.trim().split("\\n")[0] ?? "",
    request: one.closest("[data-request]")?.dataset.request ?? "",
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: at !== null && (at === one || one.contains(at) || at.contains(one)),
    area: one.closest(".list, .detail, .sidebar")?.className.split(" ")[0] ?? "",
  };
}"""


@dataclass(frozen=True, slots=True)
class Stop:
    """An element that had the focus."""

    what: str
    request: str
    ring: bool
    seen: bool
    area: str


def tab_until(tab: Tab, arrived: str) -> list[Stop]:
    """Press Tab until this element or request has the focus; return all elements that had it."""
    stops: list[Stop] = []
    for _ in range(MAX_STOPS):
        tab.page.keyboard.press("Tab")
        stops.append(Stop(**tab.page.evaluate(FOCUS)))
        if arrived in (stops[-1].request, stops[-1].what):
            return stops
    raise AssertionError(f"never came to {arrived}: {[stop.what for stop in stops]}")


def takes_enter(tab: Tab) -> bool:
    """Press Enter, and return False if the page ignored it, as it does just after a change."""
    tab.page.keyboard.press("Enter")
    taken: bool = tab.page.evaluate("window.taken")
    return taken


def test_a_decision_with_the_keyboard_alone(browser: Browser, server: ServeProcess) -> None:
    admin = logged_in(server, "admin")
    start(admin, "assistant", text="Decided by key. It is short.")
    (request,) = asked(admin, "Decided by key")
    with tabs(browser, server, "") as tab:
        page = tab.page
        tab.open("/accounts/login/")
        page.keyboard.type("alice")
        page.keyboard.press("Tab")
        page.keyboard.type("demo")
        page.keyboard.press("Enter")
        expect(page.locator("[data-live=''][data-state=live]").first).to_be_attached()

        stops = tab_until(tab, f"_id={request}")
        stops += tab_until(tab, request)
        assert stops[0].what == "Skip to the content"
        areas = [stop.area for stop in stops if stop.area]
        assert areas == sorted(areas, key=["sidebar", "list", "detail"].index)
        page.keyboard.press("Enter")
        expect(page.locator(f"[data-open='{request}']")).to_be_visible()
        expect(page.locator("#detail h1")).to_be_focused()

        stops += tab_until(tab, "comment=")
        page.keyboard.type("By key")
        way = tab_until(tab, "verdict=approve")
        assert [stop.what for stop in way if "=" in stop.what] == ["text=", "verdict=approve"]
        stops += way
        assert [stop.what for stop in stops if not (stop.ring and stop.seen)] == []
        page.evaluate("addEventListener('keydown', (e) => { window.taken = !e.defaultPrevented })")
        eventually(lambda: takes_enter(tab), "the pane has settled, and Enter counts")
        expect(page.locator("#detail > .last-decision")).to_contain_text("Approved")
        assert page.evaluate("document.activeElement !== document.body"), "the focus was lost"


@pytest.fixture(scope="module")
def server(everyday: ServeProcess) -> ServeProcess:
    return everyday
