"""An open inbox follows what others do, and asks the server for no more than it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request

from tests.e2e.pages import Tab, asked, decide, expect, found, logged_in, start, tabs
from tests.e2e.server import Person, ServeProcess

pytestmark = pytest.mark.browser

DEMO_REQUESTS = 8
ROWS = "/requests/rows/"
HIDE = """
Object.defineProperty(document, "hidden", { get: () => window.isAway, configurable: true });
window.isAway = true;
document.dispatchEvent(new Event("visibilitychange"));
"""
RETURN = "window.isAway = false; document.dispatchEvent(new Event('visibilitychange'));"
TELL = """(changes) => document.body.dispatchEvent(
  new CustomEvent("changes", { detail: { changes, spread: 0 } }))"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    running = ServeProcess(
        tmp_path_factory.mktemp("live"), "--noreload", UNDO_SECONDS="0",
        DJANGO_SETTINGS_MODULE="tests.e2e.together_site.settings",
    )  # fmt: skip
    try:
        running.wait_until_healthy()
        asked(logged_in(running, "admin"), "", DEMO_REQUESTS)
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="module")
def admin(server: ServeProcess) -> Person:
    """Somebody who works elsewhere, without a browser."""
    return logged_in(server, "admin")


def transfer(admin: Person, text: str, **fields: str) -> str:
    """Start a transfer, and return the key of its request."""
    start(admin, "transfer", text=text, **fields)
    return asked(admin, text)[0]


def is_list(request: Request) -> bool:
    return urlsplit(request.url).path == "/" and request.resource_type != "document"


class Fetches:
    """Opens an inbox, and collects the paths at which it asks for the list or for rows.

    What the page reads at first, as its socket opens, does not count.
    """

    def __init__(self, tab: Tab, path: str = "/") -> None:
        self.paths: list[str] = []
        with tab.page.expect_event("requestfinished", is_list):
            tab.open_live(path)
        tab.page.mouse.move(1200, 400)
        tab.mark()
        tab.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        path = urlsplit(request.url).path
        if path == ROWS or is_list(request):
            self.paths.append(path)


def expect_counts(tab: Tab, total: int, shown: int | None = None) -> None:
    """Wait until the page shows these counts: of all requests, and of those in the list."""
    tab.expect_waiting(total)
    for element in tab.page.locator("[data-count=waiting]").all():
        expect(element).to_have_text(str(total))
    above = tab.page.locator("#list-summary [data-found]")
    expect(above).to_have_text(re.compile(rf"^{total if shown is None else shown} request"))


def total_of(person: Person) -> int:
    """Return how many requests wait for this person, as the server counts them."""
    return len(found(person, ""))


def test_a_claim_appears_in_place_without_a_fetch(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    request = transfer(admin, "Who takes it?")
    alice = logged_in(server, "alice")
    with tabs(browser, server, "bob") as bob:
        fetches = Fetches(bob)
        alice.post(f"/requests/{request}/claim/")
        expect(bob.row(request)).to_contain_text("Claimed by alice")
        alice.post(f"/requests/{request}/release/")
        expect(bob.row(request)).not_to_contain_text("Claimed by")
        assert fetches.paths == []
        assert bob.is_marked


def test_a_row_that_left_is_gone_without_a_fetch(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    transfer(admin, "It stays?")  # a list that is empty afterwards is read again
    request = transfer(admin, "It leaves at once?")
    with tabs(browser, server, "bob") as bob:
        fetches = Fetches(bob)
        total = bob.waiting()
        expect(bob.row(request)).to_be_visible()
        decide(admin, request, verdict="approve")
        expect(bob.row(request)).to_have_count(0)
        expect_counts(bob, total - 1)
        assert fetches.paths == []


def test_a_request_given_to_another_leaves_and_one_given_back_comes(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    transfer(admin, "It stays with everybody?")  # a list that is empty is read again
    request = transfer(admin, "Whose is it?", assign="bob")
    with tabs(browser, server, "bob", "alice") as (bob, alice):
        bobs, alices = Fetches(bob), Fetches(alice)
        total, others = bob.waiting(), alice.waiting()
        admin.post(f"/requests/{request}/reassign/", to="alice")
        expect(bob.row(request)).to_have_count(0)
        expect(alice.row(request)).to_be_visible()
        expect_counts(bob, total - 1)
        expect_counts(alice, others + 1)
        assert (bobs.paths, alices.paths) == ([], [ROWS])


def test_requests_that_come_under_the_pointer_are_fetched_together_at_a_click(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    with tabs(browser, server, "bob") as bob:
        fetches = Fetches(bob)
        total = bob.waiting()
        bob.page.hover("#rows [data-request] >> nth=0")
        requests = [transfer(admin, f"Under the pointer, {n}?") for n in range(2)]
        button = bob.page.locator("#arrivals")
        expect(button).to_have_text("2 new")
        expect_counts(bob, total + 2)
        assert fetches.paths == []
        button.click()
        for request in requests:
            expect(bob.row(request)).to_be_visible()
            expect(bob.row(request)).to_contain_text("New")
        expect(bob.row(requests[0]).locator("a")).to_be_focused()
        expect(button).to_be_hidden()
        assert fetches.paths == [ROWS]
        expect_counts(bob, total + 2)


def test_a_hidden_page_fetches_nothing_and_is_right_when_it_is_looked_at(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    leaving = transfer(admin, "It leaves meanwhile?")
    with tabs(browser, server, "bob") as bob:
        fetches = Fetches(bob)
        total = bob.waiting()
        bob.page.evaluate(HIDE)
        requests = [transfer(admin, f"While nobody looks, {n}?") for n in range(2)]
        bob.expect_waiting(total + 2)
        decide(admin, leaving, verdict="reject")
        bob.expect_waiting(total + 1)
        assert fetches.paths == []
        assert [bob.row(one).count() for one in requests] == [0, 0]
        bob.page.evaluate(RETURN)
        for request in requests:
            expect(bob.row(request)).to_be_visible()
        expect(bob.row(leaving)).to_have_count(0)
        expect(bob.page.locator("#arrivals")).to_be_hidden()
        expect_counts(bob, total_of(logged_in(server, "bob")))
        assert fetches.paths == ["/"]


def test_counts_are_right_after_ones_own_and_others_decisions(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    own, other, claimed = (transfer(admin, f"To be counted, {n}?") for n in range(3))
    with tabs(browser, server, "alice", "bob") as (alice, bob):
        Fetches(alice)
        fetches = Fetches(bob)
        totals = {alice: alice.waiting(), bob: bob.waiting()}
        alice.row(own).locator("a").click()
        expect(alice.page.locator(f"[data-open='{own}']")).to_be_visible()
        alice.page.click("[name=verdict][value=approve]")
        for tab in (alice, bob):
            expect_counts(tab, totals[tab] - 1)
        decide(admin, other, verdict="reject")
        logged_in(server, "alice").post(f"/requests/{claimed}/claim/")
        for tab in (alice, bob):
            expect_counts(tab, totals[tab] - 2)
            expect(tab.row(claimed)).to_contain_text("Claimed by")
        coming = transfer(admin, "One more to be counted?")
        expect(bob.row(coming)).to_be_visible()
        for tab in (alice, bob):
            expect_counts(tab, totals[tab] - 1)
        assert total_of(logged_in(server, "alice")) == totals[alice] - 1
        assert total_of(logged_in(server, "bob")) == totals[bob] - 1
        assert fetches.paths == [ROWS]
        alice.page.mouse.move(1200, 400)


def test_what_came_and_left_before_the_page_knew_is_not_counted(
    browser: Browser, server: ServeProcess
) -> None:
    with tabs(browser, server, "bob") as bob:
        Fetches(bob)
        total = bob.waiting()
        unknown = "00000000-0000-4000-8000-000000000000"
        bob.page.evaluate(TELL, [{"id": unknown, "kind": "removed"}])
        expect_counts(bob, total)


def test_a_filter_by_workflow_ignores_what_comes_of_others(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    with tabs(browser, server, "bob") as bob:
        fetches = Fetches(bob, "/?workflow=assistant")
        total, shown = bob.waiting(), bob.page.locator("[data-request]").count()
        transfer(admin, "Of another workflow?")
        expect_counts(bob, total + 1, shown)
        expect(bob.page.locator("#arrivals")).to_be_hidden()
        assert fetches.paths == []
        start(admin, "assistant", text="Of this workflow. It is short.")
        (request,) = asked(admin, "Of this workflow")
        expect(bob.row(request)).to_be_visible()
        expect_counts(bob, total + 2, shown + 1)
        assert fetches.paths == [ROWS]


def test_with_a_search_the_server_says_what_matches(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    first = transfer(admin, "A needle, the first?")
    with tabs(browser, server, "bob") as bob:
        fetches = Fetches(bob, "/?q=needle")
        total = bob.waiting()
        with bob.page.expect_response(f"**{ROWS}*"):
            hay = transfer(admin, "Only hay?")
        expect_counts(bob, total + 1, 1)
        second = transfer(admin, "A needle, the second?")
        expect(bob.row(second)).to_be_visible()
        expect_counts(bob, total + 2, 2)
        assert bob.row(hay).count() == 0
        decide(admin, first, verdict="approve")
        expect(bob.row(first)).to_have_count(0)
        expect_counts(bob, total + 1, 1)
        assert fetches.paths == [ROWS, ROWS]


def test_a_row_that_is_replaced_keeps_the_focus(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    request = transfer(admin, "Two of us?", both="true")
    with tabs(browser, server, "bob") as bob:
        fetches = Fetches(bob)
        link = bob.row(request).locator("a")
        expect(bob.row(request)).to_contain_text("0 of 2")
        link.focus()
        decide(admin, request, verdict="approve")
        expect(bob.row(request)).to_contain_text("1 of 2")
        expect(link).to_be_focused()
        assert fetches.paths == [ROWS]
        with bob.page.expect_response(f"**/requests/{request}/**"):
            bob.page.keyboard.press("Enter")
        expect(bob.page.locator(f"[data-open='{request}']")).to_be_visible()


def test_a_ticked_row_that_is_replaced_stays_ticked(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    request = transfer(admin, "Two of us, ticked?", both="true")
    with tabs(browser, server, "bob") as bob:
        Fetches(bob)
        box = bob.row(request).locator("input[type=checkbox]")
        box.check()
        decide(admin, request, verdict="approve")
        expect(bob.row(request)).to_contain_text("1 of 2")
        expect(box).to_be_checked()
