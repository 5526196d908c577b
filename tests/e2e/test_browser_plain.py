"""Everything except live updates works in a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.pages import Tab, asked, expect, found, logged_in, start, tabs
from tests.e2e.server import ServeProcess, eventually

pytestmark = pytest.mark.browser

HEAD = "claim,person,team,date,category,description,amount,receipt\n"
LINE = "R-1,Ada Novak,Sales,2026-10-01,meals,Soup without scripts,31.50,no\n"


@pytest.fixture(scope="module")
def server(everyday: ServeProcess) -> ServeProcess:
    return everyday


@pytest.fixture
def alice(browser: Browser, server: ServeProcess) -> Iterator[Tab]:
    with tabs(browser, server, "alice", java_script_enabled=False) as tab:
        yield tab


def press(tab: Tab, button: str) -> list[int]:
    """Press a button that sends a form, and return the statuses of all responses to it."""
    with tab.page.expect_navigation() as led:
        tab.page.click(button)
    response = led.value
    assert response is not None
    first = response.request.redirected_from
    sent = first.response() if first else None
    return [sent.status, response.status] if sent else [response.status]


def test_all_tasks_can_be_done_without_scripts(browser: Browser, server: ServeProcess) -> None:
    """Login, inbox, an untyped and a typed decision, the run, a start, logout."""
    admin = logged_in(server, "admin")
    run = start(admin, "assistant", text="No scripts are needed. It is short.")
    start(admin, "expenses", claims=HEAD + LINE.replace("Soup", "Salad"))
    asked(admin, "No scripts are needed")
    asked(admin, "Salad without scripts")
    with tabs(browser, server, "", java_script_enabled=False) as tab:
        page = tab.page
        tab.log_in("alice")
        waiting = tab.waiting()
        page.get_by_role("link", name="No scripts are needed").click()
        page.wait_for_url("**/requests/*/")
        page.fill("[name=comment]", "Read without scripts")
        assert press(tab, "[name=verdict][value=approve]") == [303, 200]
        expect(page.locator("#detail .outcome")).to_contain_text("Read without scripts")
        expect(page.locator("#detail .outcome")).to_contain_text("You")
        assert tab.waiting() == waiting - 1

        eventually(lambda: "Completed" in admin.get(run)[1], "the run ends")
        page.get_by_role("link", name="Open the run").click()
        expect(page.locator("#run-head")).to_have_attribute("data-status", "completed")

        go(tab, "Inbox")
        page.get_by_role("link", name="Salad without scripts").click()
        page.fill("[name=amount]", "31.50")
        page.select_option("[name=reason]", "in policy")
        assert press(tab, "[name=approved][value=true]") == [303, 200]
        expect(page.locator("#detail .outcome")).to_contain_text("31.50")

        go(tab, "Start a workflow")
        page.get_by_role("link", name="assistant", exact=True).click()
        page.fill("[name=text]", "Begun without scripts. It is short.")
        assert press(tab, "#start button") == [303, 200]
        expect(page.locator("#run-head h1")).to_contain_text("assistant")
        asked(admin, "Begun without scripts")

        page.get_by_role("button", name="Log out").locator("visible=true").click()
        page.wait_for_url("**/accounts/login/")
        tab.open("/")
        assert "/accounts/login/?next=/" in page.url


def go(tab: Tab, place: str) -> None:
    """Follow a link of the menu."""
    link = tab.page.get_by_role("navigation", name="Main").get_by_role("link", name=place)
    link.locator("visible=true").click()


def test_runs_are_started_with_text_and_with_a_file(
    alice: Tab, server: ServeProcess, tmp_path: Path
) -> None:
    claims = tmp_path / "claims.csv"
    page = alice.page
    claims.write_text(HEAD + LINE.replace("31.50", "much"))
    alice.open("/workflows/expenses/")
    page.set_input_files("input[type=file]", claims)
    assert press(alice, "#start button") == [422]
    expect(page.locator("#start .errors")).to_contain_text("line 2")

    claims.write_text(HEAD + LINE)
    page.set_input_files("input[type=file]", claims)
    assert press(alice, "#start button") == [303, 200]
    expect(page.locator("#run-head h1")).to_contain_text("expenses")

    alice.open("/workflows/assistant/")
    page.fill("[name=text]", "Typed without scripts. It is short.")
    assert press(alice, "#start button") == [303, 200]
    asked(logged_in(server, "bob"), "Typed without scripts")


def test_a_refused_form_keeps_its_values(alice: Tab, server: ServeProcess) -> None:
    admin = logged_in(server, "admin")
    start(admin, "expenses", claims=HEAD + LINE.replace("Soup", "Stew"), closing="")
    (request,) = asked(admin, "Stew without scripts")
    page = alice.page
    alice.open(f"/requests/{request}/")
    for name in ("amount", "reason"):
        page.fill("[name=amount]", "much")
        page.select_option("[name=reason]", "exception")
        page.press(f"[name={name}]", "Enter")  # decides nothing
    assert found(admin, "Stew without scripts") == [request]
    page.fill("[name=note]", "Kept")
    assert press(alice, "[name=approved][value=true]") == [422]
    expect(page.locator("[data-field=amount] .error")).to_be_visible()
    expect(page.locator("[name=amount]")).to_have_value("much")
    expect(page.locator("[name=note]")).to_have_value("Kept")
    page.fill("[name=amount]", "")  # a rejection needs neither amount nor reason
    page.select_option("[name=reason]", "")
    assert press(alice, "[name=approved][value=false]") == [303, 200]
    expect(page.locator("#detail .outcome")).to_contain_text("rejected")


def test_a_search_and_the_menu_of_a_phone_work(alice: Tab, server: ServeProcess) -> None:
    bob = logged_in(server, "bob")
    start(bob, "assistant", text="Found by searching. It is short.")
    asked(bob, "Found by searching")
    alice.open("/")
    alice.page.fill("[name=q]", "found by")
    alice.page.press("[name=q]", "Enter")
    expect(alice.page.locator("[data-request]")).to_have_count(1)
    alice.page.set_viewport_size({"width": 390, "height": 844})
    alice.page.click(".menu > summary")
    alice.page.locator(".menu").get_by_role("link", name="Runs", exact=True).click()
    expect(alice.page.locator("h1")).to_have_text("Runs")
