"""Keyboard shortcuts: only Enter on a button decides, once, and never the next request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Error, Page, Route

from tests.e2e.keyboard import (
    APPROVE,
    AT_ONCE,
    CLICK_ON_ARRIVAL,
    REJECT,
    decisions,
    has_focus,
    reach,
)
from tests.e2e.pages import Tab, asked, expect, logged_in, start, tabs
from tests.e2e.server import Person, ServeProcess, eventually

pytestmark = pytest.mark.browser

ROW_IDS = "[...document.querySelectorAll('#rows [data-request]')].map((one) => one.dataset.request)"
HEAD = "claim,person,team,date,category,description,amount,receipt\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    running = ServeProcess(tmp_path_factory.mktemp("var"), "--noreload").wait_until_healthy()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def admin(server: ServeProcess) -> Person:
    return logged_in(server, "admin")


@pytest.fixture
def alice(browser: Browser, server: ServeProcess) -> Iterator[Tab]:
    with tabs(browser, server, "alice") as tab:
        yield tab


def ask(admin: Person, *titles: str) -> list[str]:
    for title in titles:
        start(admin, "assistant", text=f"{title}. It is short.")
        asked(admin, title)
    return [asked(admin, title)[0] for title in titles]


def asks(page: Page, held: list[Route]) -> bool:
    """Return True if a request was intercepted; Playwright handles events during this call."""
    page.evaluate("0")
    return bool(held)


def test_j_and_k_select_rows_and_enter_moves_into_the_request(alice: Tab, admin: Person) -> None:
    ask(admin, "Walk one", "Walk two")
    alice.open_live("/")
    page = alice.page
    rows = page.locator("#rows a.row")
    assert rows.count() >= 3
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(1)).to_be_focused()
    request = page.locator("#rows [data-request]").nth(1).get_attribute("data-request")
    expect(page.locator(f"[data-open='{request}']")).to_be_visible()
    expect(rows.nth(1)).to_be_focused()
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    assert page.url.endswith(f"/requests/{request}/")
    page.keyboard.press("Enter")
    expect(page.locator("#detail h1")).to_be_focused()
    reach(
        page, "j", "[data-request] + [data-request] + [data-request] a.row, #rows li:nth-child(3) a"
    )


# The characters of other layouts on the keys a and r, and with Caps Lock.
LAYOUTS = {
    "Russian": ("ф", "к"),
    "Greek": ("α", "ρ"),
    "Hebrew": ("ש", "ר"),
    "Arabic": ("ش", "ق"),
    "Caps Lock": ("A", "R"),
}

PRESS = """([key, code, modifiers]) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { bubbles: true, cancelable: true, key, code, ...modifiers })
)"""


def test_keys_work_under_other_scripts_and_caps_lock(alice: Tab, admin: Person) -> None:
    (request,) = ask(admin, "Under every layout")
    alice.open_live(f"/requests/{request}/")
    page = alice.page

    def press(key: str, code: str, **modifiers: bool) -> None:
        page.evaluate(PRESS, [key, code, modifiers])

    def reaches(key: str, code: str, selector: str) -> None:
        page.evaluate("document.activeElement.blur()")

        def reached() -> bool:  # for half a second after the page was loaded, keys do nothing
            press(key, code)
            return has_focus(page, selector)

        eventually(reached, f"{key} reaches {selector}")

    for a, r in LAYOUTS.values():
        reaches(a, "KeyA", APPROVE)
        reaches(r, "KeyR", REJECT)
    reaches("a", "KeyQ", APPROVE)  # a French layout: if its letters are Latin, they are used
    page.evaluate("document.activeElement.blur()")
    press("A", "KeyA", shiftKey=True)  # Shift is not Caps Lock
    assert not has_focus(page, APPROVE)
    press("؟", "Slash", shiftKey=True)
    expect(page.locator("#shortcuts")).to_be_visible()


def test_a_and_r_focus_a_button_and_enter_decides_one_request_only(
    alice: Tab, admin: Person
) -> None:
    first, second = ask(admin, "Decided by key", "Not decided by the same key")
    alice.open_live(f"/requests/{first}/")
    page = alice.page
    sent = decisions(page)
    for _ in range(3):
        page.keyboard.press("r")
        expect(page.locator(REJECT)).to_be_focused()
        page.keyboard.press("a")
        expect(page.locator(APPROVE)).to_be_focused()
    expect(page.locator(f"[data-open='{first}'][data-status=pending]")).to_be_visible()
    assert sent == []

    page.keyboard.press("Enter")
    expect(page.locator("#detail .last-decision")).to_contain_text("Approved")
    expect(page.locator("#detail .last-decision")).to_contain_text("Decided by key")
    expect(page.locator(f"[data-open='{second}']")).to_be_visible()
    expect(page.locator("#announce")).to_contain_text("? Next: ")
    expect(page.locator("#detail h1")).to_be_focused()
    assert page.url.endswith(f"/requests/{second}/")
    page.keyboard.press("Enter")
    reach(page, "a", APPROVE)
    assert len(sent) == 1
    expect(alice.row(first)).to_have_count(0)
    expect(alice.row(second)).to_be_visible()

    page.click("#detail .last-decision a")
    expect(page.locator(f"[data-open='{first}'] .outcome")).to_contain_text("You approved this")


def test_no_key_and_no_click_decides_a_request_that_was_left(alice: Tab, admin: Person) -> None:
    first, second, third = ask(admin, "Shown first", "Gone past", "Gone to")
    alice.open_live(f"/requests/{first}/?q=e")
    page = alice.page
    sent = decisions(page)
    held: list[Route] = []
    slow = re.compile(rf"/requests/{third}/(\?|$)")
    page.route(slow, lambda route: held.append(route))
    alice.row(first).locator("a").focus()
    at = page.evaluate(ROW_IDS)
    steps = at.index(third) - at.index(first)
    for _ in range(abs(steps)):
        page.keyboard.press("j" if steps > 0 else "k")
    expect(alice.row(third).locator("a")).to_be_focused()
    expect(page.locator("#detail[inert]")).to_be_attached()
    eventually(lambda: asks(page, held), "the row is asked for")
    expect(page.locator(f"[data-open='{first}']")).to_be_attached()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.locator(APPROVE).click(force=True)
    page.evaluate("document.querySelector('[data-shortcut=approve]').focus()")
    assert not has_focus(page, APPROVE)
    assert sent == []
    for route in held:
        route.continue_()
    expect(page.locator(f"[data-open='{third}']")).to_be_visible()
    expect(page.locator(APPROVE)).to_have_accessible_name(re.compile("^Approve: .*Gone to"))
    assert alice.row(third).locator("a").get_attribute("aria-current") == "true"
    reach(page, "a", APPROVE)
    page.keyboard.press("Enter")
    expect(page.locator("#detail .last-decision")).to_contain_text("Gone to")
    assert [one.url.split("/requests/")[1][:36] for one in sent] == [third]
    expect(alice.row(second)).to_be_visible()


def test_responses_in_another_order_keep_the_selected_row(alice: Tab, admin: Person) -> None:
    first, second = ask(admin, "Slow to come", "Quick to come")
    alice.open_live("/")
    page = alice.page
    held: list[Route] = []
    page.route(f"**/requests/{first}/**", lambda route: held.append(route))
    alice.row(first).click()
    eventually(lambda: asks(page, held), "the first is asked for")
    alice.row(second).click()
    expect(page.locator(f"[data-open='{second}']")).to_be_visible()
    for route in held:
        with suppress(Error):  # the page has aborted it
            route.continue_()
    expect(page.locator("#detail[inert]")).to_have_count(0)
    expect(alice.row(second).locator("a")).to_have_attribute("aria-current", "true")
    expect(page.locator(f"[data-open='{second}']")).to_be_visible()


def test_after_a_failed_fetch_the_pane_can_be_used_again(alice: Tab, admin: Person) -> None:
    first, second = ask(admin, "Stays open", "Cannot be fetched")
    alice.open_live(f"/requests/{first}/")
    page = alice.page
    page.route(f"**/requests/{second}/**", lambda route: route.fulfill(status=404, body=""))
    alice.row(second).click()
    expect(page.locator("#detail[inert]")).to_have_count(0)


def test_keys_that_are_held_down_act_once(alice: Tab, admin: Person) -> None:
    first, *_ = ask(admin, "Held one", "Held two", "Held three")
    alice.open_live("/")
    page = alice.page
    rows = page.locator("#rows a.row")
    for _ in range(5):
        page.keyboard.down("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.up("j")

    alice.open_live(f"/requests/{first}/")
    sent = decisions(page)
    page.keyboard.press("a")
    for _ in range(10):
        page.keyboard.down("Enter")
    expect(page.locator("#detail .last-decision")).to_be_visible()
    page.locator(APPROVE).focus()
    for _ in range(10):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(alice.row(first)).to_have_count(0)
    assert len(sent) == 1


def test_a_double_click_does_not_answer_the_next_request(alice: Tab, admin: Person) -> None:
    first, second = ask(admin, "Clicked twice", "Under the second click")
    alice.open_live(f"/requests/{first}/")
    page = alice.page
    sent = decisions(page)
    page.evaluate(CLICK_ON_ARRIVAL)
    page.click(APPROVE)
    eventually(lambda: page.evaluate("window.clicks") > 0, "the next request is clicked")
    expect(page.locator(f"[data-open='{second}']")).to_be_visible()
    expect(alice.row(first)).to_have_count(0)
    expect(alice.row(second)).to_be_visible()
    assert len(sent) == 1

    def decided() -> bool:  # after half a second, a click works again
        page.click(APPROVE)
        return len(sent) == 2

    eventually(decided, "the next request takes a click")


def test_for_half_a_second_after_the_pane_changed_no_key_decides(alice: Tab, admin: Person) -> None:
    (request,) = ask(admin, "Pane that changes")
    alice.open_live(f"/requests/{request}/")
    page = alice.page
    sent = decisions(page)
    page.evaluate("document.querySelector('#detail h1').focus()")
    for key in ("a", "r"):
        assert page.evaluate(AT_ONCE, ["#detail h1", key]) == [False, True], key
    reach(page, "a", APPROVE)
    # Enter may be meant for the button that was there before.
    assert page.evaluate(AT_ONCE, [APPROVE, "Enter"])[1]
    assert sent == []


def test_shortcuts_are_off_while_typing_and_with_modifiers(alice: Tab, admin: Person) -> None:
    (request,) = ask(admin, "Typed into")
    alice.open_live(f"/requests/{request}/")
    page = alice.page
    page.focus("[name=comment]")
    page.keyboard.type("a jar ? gig x")
    expect(page.locator("[name=comment]")).to_be_focused()
    expect(page.locator("[name=comment]")).to_have_value("a jar ? gig x")
    page.focus("#filters [name=q]")
    page.keyboard.type("jk")
    expect(page.locator("#filters [name=q]")).to_be_focused()
    page.locator("#detail h1").focus()
    for chord in ("Control+a", "Alt+a", "Meta+a", "Shift+A"):
        page.keyboard.press(chord)
        expect(page.locator("#detail h1")).to_be_focused()
    expect(page.locator("#shortcuts")).to_be_hidden()


def test_keys_do_not_scroll_and_work_on_a_checkbox(alice: Tab, admin: Person) -> None:
    claims = HEAD + "".join(
        f"R-{n},Ada Novak,Sales,2026-10-01,meals,{dish} by key,31.50,no\n"
        for n, dish in enumerate(("Soup", "Stew"))
    )
    start(admin, "expenses", claims=claims, closing="")
    (request,) = asked(admin, "Soup by key")
    alice.page.set_viewport_size({"width": 1440, "height": 500})
    alice.open_live(f"/requests/{request}/")
    alice.page.keyboard.press("a")
    expect(alice.page.locator(APPROVE)).to_be_focused()
    assert alice.page.evaluate("document.querySelector('#detail').scrollTop") == 0
    alice.page.focus("[name=_id] >> nth=0")
    alice.page.keyboard.press("r")
    expect(alice.page.locator(REJECT)).to_be_focused()


def test_c_claims_and_x_selects_the_row(alice: Tab, admin: Person) -> None:
    (request,) = ask(admin, "Claimed by key")
    ask(admin, "Not claimed by key")
    alice.open_live(f"/requests/{request}/")
    page = alice.page
    page.keyboard.press("z")  # there is nothing to undo, and no error
    page.keyboard.press("x")  # no row has the focus, so x applies to the open request
    expect(alice.row(request).locator(".row-checkbox input")).to_be_checked()
    page.keyboard.press("x")
    expect(page.locator(".row-checkbox :checked")).to_have_count(0)
    alice.row(request).locator("a").focus()
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("#rows li:has(a:focus) .row-checkbox input")).to_be_checked()
    walked_to = page.locator("#rows li:has(a:focus)").get_attribute("data-request")
    expect(page.locator(f"[data-open='{walked_to}']")).to_be_visible()

    def claimed() -> bool:  # for half a second after a change of the pane the key does nothing
        page.keyboard.press("c")
        return "Claimed by you until" in page.locator("#detail header").inner_text()

    eventually(claimed, "c claims what the pane shows")


def test_the_help_opens_and_closes_and_other_keys_are_off_meanwhile(alice: Tab) -> None:
    alice.open_live("/")
    page = alice.page
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("j")
    assert not has_focus(page, "a.row")
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.get_by_role("button", name="Keyboard shortcuts").locator("visible=true").click()
    expect(page.locator("#shortcuts")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#shortcuts")).to_be_hidden()


def test_g_goes_to_the_runs_and_the_inbox(alice: Tab) -> None:
    alice.open("/accounts/")
    alice.page.keyboard.press("g")
    alice.page.keyboard.press("r")
    alice.page.wait_for_url("**/runs/")
    alice.page.keyboard.press("j")
    expect(alice.page.locator("a.row").first).to_be_focused()
    alice.page.keyboard.press("g")
    alice.page.keyboard.press("i")
    alice.page.wait_for_url(f"{alice.origin}/")


def test_keys_can_be_switched_off_and_on(alice: Tab, admin: Person) -> None:
    (request,) = ask(admin, "Without keys")
    page = alice.page

    def switch() -> None:
        alice.open("/accounts/")
        page.locator("[name=keys_on]").click()
        page.click("main form button")
        page.locator(".banner", has_text="Keyboard shortcuts are now").wait_for()

    switch()
    alice.open_live(f"/requests/{request}/")
    page.keyboard.press("a")
    page.keyboard.press("?")
    page.keyboard.press("j")
    assert has_focus(page, "body")
    assert page.locator("#shortcuts").count() == 0
    expect(page.locator(f"{APPROVE} kbd")).to_be_hidden()
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_have_count(0)

    switch()
    alice.open_live(f"/requests/{request}/")
    expect(page.locator(f"{APPROVE} kbd")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator(APPROVE)).to_be_focused()


def test_without_another_request_the_result_stays(alice: Tab, admin: Person) -> None:
    (request,) = ask(admin, "The only one of its kind")
    alice.open_live(f"/requests/{request}/?q=The+only+one")
    page = alice.page
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(page.locator("#detail .outcome")).to_contain_text("You rejected this")
    expect(page.locator("#detail [data-focus]")).to_be_focused()
    assert page.locator(".last-decision:visible").count() == 0
