"""The main task in real browsers, without reloads: see a request, approve it, see its run end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from tests.e2e.pages import Tab, asked, decide, expect, logged_in, start, tabs
from tests.e2e.server import Person, ServeProcess

pytestmark = pytest.mark.browser

CLAIMS = """\
claim,person,team,date,category,description,amount,receipt
R-1,Ada Novak,Sales,2026-10-01,meals,{words},31.50,no
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    running = ServeProcess(tmp_path_factory.mktemp("var"), "--noreload").wait_until_healthy()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def admin(server: ServeProcess) -> Person:
    """A person in another place, without a browser."""
    return logged_in(server, "admin")


def point_at(tab: Tab, request: str) -> None:
    """Move the pointer onto a row, as before a click."""
    tab.row(request).hover()


def test_an_approval_leaves_every_inbox_and_ends_the_run(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    run = start(admin, "assistant", text="The harbour opens again on Monday. We are glad.")
    (request,) = asked(admin, "The harbour opens")
    with tabs(browser, server, "", "", "admin") as (alice, bob, watcher):
        alice.log_in("alice")
        bob.log_in("bob")
        alice.open_live("/")
        bob.open_live("/")
        watcher.open_live(run)
        expect(watcher.page.locator("#run-head")).to_have_attribute("data-status", "waiting")
        waiting = bob.waiting()
        assert waiting == alice.waiting() > 0
        for tab in (alice, bob, watcher):
            tab.mark()
        for tab in (alice, bob):
            expect(tab.row(request)).to_be_visible()
            tab.note_when(f"[data-request='{request}']", there=False)
        watcher.note_when("#run-head[data-status=completed]", there=True)

        alice.row(request).click()
        expect(alice.page.locator(f"[data-open='{request}']")).to_be_visible()
        alice.page.fill("[name=comment]", "Fine by me")
        with alice.page.expect_response("**/decide/") as sent:
            alice.page.click("[name=verdict][value=approve]")
        answered = sent.value.request.timing
        at = answered["startTime"] + answered["responseStart"]

        assert sent.value.status == 200
        for tab in (alice, bob):
            # Alice's pointer has left the list for her click on Approve.
            expect(tab.row(request)).to_have_count(0)
            tab.expect_waiting(waiting - 1)
        expect(watcher.page.locator("#run-head")).to_have_attribute("data-status", "completed")
        expect(watcher.page.locator("#run-outcome")).to_contain_text("Fine by me")
        assert [tab.is_marked for tab in (alice, bob, watcher)] == [True, True, True]
        for name, tab in (("alice's row", alice), ("bob's row", bob), ("the run", watcher)):
            print(f"{name}: {tab.noted - at:.0f} ms after the answer")  # noqa: T201


def test_the_request_of_a_new_run_appears_in_open_inboxes(
    browser: Browser, server: ServeProcess, tmp_path: Path
) -> None:
    claims = tmp_path / "claims.csv"
    claims.write_text(CLAIMS.format(words="Soup in the station"))
    with tabs(browser, server, "admin", "alice") as (admin, alice):
        alice.open_live("/")
        alice.mark()
        waiting = alice.waiting()

        admin.open("/workflows/expenses/")
        admin.page.set_input_files("input[type=file]", claims)
        admin.page.click("#start button")
        admin.page.wait_for_url("**/runs/*/")
        arrived = alice.page.locator("[data-request]", has_text="Soup in the station")
        expect(arrived).to_be_visible()
        expect(arrived).to_contain_text("New")
        alice.expect_waiting(waiting + 1)

        admin.open("/workflows/assistant/")
        admin.page.fill("[name=text]", "The ferry sails at noon. Bring a coat.")
        admin.page.click("#start button")
        admin.page.wait_for_url("**/runs/*/")
        arrived = alice.page.locator("[data-request]", has_text="The ferry sails")
        expect(arrived).to_be_visible()
        alice.expect_waiting(waiting + 2)
        assert alice.is_marked


def test_rows_stay_where_they_are_under_the_pointer(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    start(admin, "assistant", text="One that leaves. It is short.")
    start(admin, "assistant", text="One that stays. It is short.")
    (leaving,), (staying,) = asked(admin, "One that leaves"), asked(admin, "One that stays")
    with tabs(browser, server, "alice") as alice:
        alice.open_live("/")
        alice.mark()
        point_at(alice, staying)
        before = alice.row(staying).bounding_box()

        decide(admin, leaving, verdict="approve")
        struck = alice.page.locator("#rows .closed")
        expect(struck).to_contain_text("One that leaves")
        start(admin, "assistant", text="One that comes. It is short.")
        expect(alice.page.locator("#arrivals")).to_have_text("1 new")
        assert alice.row(staying).bounding_box() == before
        assert alice.page.locator("[data-request]", has_text="One that comes").count() == 0

        alice.page.mouse.move(1200, 400)
        expect(struck).to_have_count(0)
        expect(alice.page.locator("[data-request]", has_text="One that comes")).to_be_visible()
        expect(alice.page.locator("#arrivals")).to_be_hidden()
        assert alice.is_marked


def test_the_button_for_new_requests_shows_them(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    with tabs(browser, server, "bob") as bob:
        bob.open_live("/")
        bob.mark()
        bob.page.hover("#rows [data-request] >> nth=0")
        start(admin, "assistant", text="One to fetch. It is short.")
        expect(bob.page.locator("#arrivals")).to_have_text("1 new")
        bob.page.click("#arrivals")
        row = bob.page.locator("[data-request]", has_text="One to fetch")
        expect(row).to_be_visible()
        expect(row.locator("a")).to_be_focused()
        assert bob.is_marked


def test_a_run_that_changes_during_a_refresh_is_fetched_again(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    run = start(admin, "assistant", text="It changes twice. The page reads once.")
    asked(admin, "It changes twice")
    with tabs(browser, server, "admin") as watcher:
        page = watcher.page
        with page.expect_websocket() as opened:
            watcher.open_live(run)
        expect(page.locator("#run-head")).to_have_attribute("data-status", "waiting")
        held: list[Route] = []
        page.route(f"**{run}", lambda route: held.append(route), times=1)
        admin.post(f"{run}pause/")
        while not held:
            page.wait_for_timeout(10)  # lets Playwright handle events
        old = held[0].fetch()
        with opened.value.expect_event("framereceived"):
            admin.post(f"{run}cancel/")
        held[0].fulfill(response=old)
        expect(page.locator("#run-head")).to_have_attribute("data-status", "cancelled")
