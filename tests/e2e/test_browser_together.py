"""Several people in real browsers: two at once, wide, narrow, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.pages import NARROW, asked, expect, found, logged_in, start, tabs
from tests.e2e.server import ServeProcess, eventually

pytestmark = pytest.mark.browser

UNDO = "30"
DEMO_REQUESTS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    running = ServeProcess(
        tmp_path_factory.mktemp("together"), "--noreload", UNDO_SECONDS=UNDO,
        DJANGO_SETTINGS_MODULE="tests.e2e.together_site.settings",
    )  # fmt: skip
    try:
        running.wait_until_healthy()
        # The requests of the demo come first: after a decision the next request opens.
        asked(logged_in(running, "admin"), "", DEMO_REQUESTS)
        yield running
    finally:
        running.kill()


def transfer(server: ServeProcess, text: str, **fields: str) -> str:
    """Start a transfer as the admin, and return the path of its request."""
    admin = logged_in(server, "admin")
    start(admin, "transfer", text=text, **fields)
    return f"/requests/{asked(admin, text)[0]}/"


@pytest.mark.parametrize("viewport", [None, NARROW])
def test_two_people_approve_a_payload_that_one_of_them_edited(
    browser: Browser, server: ServeProcess, viewport: object
) -> None:
    text = f"Pay on a {'narrow' if viewport else 'wide'} screen?"
    options = {"viewport": viewport} if viewport else {}
    path = transfer(server, text, both="true")
    with tabs(browser, server, "alice", "bob", **options) as (alice, bob):
        for tab in (alice, bob):
            tab.open_live(path)
            expect(tab.page.locator(".consequence")).to_contain_text("is paid to Ada Novak")
            assert not tab.is_too_wide
        bob.page.fill("[name='_edit.amount']", "600")
        bob.page.click("[name=verdict][value=approve]")
        expect(bob.page.locator("#detail .note.go")).to_contain_text("1 of 2 approvals")
        expect(bob.page.locator("[value=approve]")).to_have_count(0)
        bob.page.click("#detail .votes [data-shortcut=undo]")
        expect(bob.page.locator("#detail .comments")).to_contain_text("You withdrew the approval")
        expect(bob.page.locator("[name='_edit.amount']")).to_have_value("600")
        bob.page.click("[name=verdict][value=approve]")
        expect(bob.page.locator("#detail .note.go")).to_contain_text("1 of 2 approvals")

        alice.page.fill("[name=comment]", "As it was asked")
        alice.page.click("[name=verdict][value=approve]")
        expect(alice.page.locator("#detail .note.stop")).to_contain_text("changed after you opened")
        expect(alice.page.locator("[name=comment]")).to_have_value("As it was asked")
        expect(alice.page.locator("[name='_edit.amount']")).to_have_value("600")
        expect(alice.page.locator("#detail .changes")).to_contain_text("640")
        assert not alice.is_too_wide
        alice.page.click("[name=verdict][value=approve]")
        alice.look_back()
        expect(alice.page.locator("#detail .outcome")).to_contain_text("You approved this")
        votes = alice.page.locator("#detail .votes")
        expect(votes).to_contain_text("Also approved by")
        expect(votes).to_contain_text("bob")
        assert not alice.is_too_wide


def test_a_claim_is_shown_at_once_and_an_answer_can_be_undone(
    browser: Browser, server: ServeProcess
) -> None:
    path = transfer(server, "Who takes this one?")
    request = path.split("/")[2]
    with tabs(browser, server, "alice", "bob") as (alice, bob):
        bob.open_live("/")
        alice.open_live(path)
        alice.page.click("[data-shortcut=claim]")
        expect(alice.page.locator("#detail header")).to_contain_text("Claimed by you until")
        expect(bob.row(request)).to_contain_text("Claimed by alice")
        bob.open(path)
        expect(bob.page.locator("#detail")).to_contain_text("Claimed by alice")
        expect(bob.page.locator("[name=verdict]")).to_have_count(0)

        alice.page.click("[name=verdict][value=reject]")
        expect(alice.page.locator("#detail > .last-decision")).to_contain_text("Rejected")
        alice.page.click("#detail > .last-decision [data-shortcut=undo]")
        expect(alice.page.locator(f"[data-open='{request}'] header .tag").first).to_have_text(
            "Pending"
        )
        expect(bob.row(request)).to_be_visible()


def test_a_draft_is_shown_only_to_its_author(browser: Browser, server: ServeProcess) -> None:
    path = transfer(server, "Begun here, ended there?")
    with tabs(browser, server, "alice") as desktop:
        desktop.open_live(path)
        with desktop.page.expect_response(f"**{path}draft/") as saved:
            desktop.page.locator("[name=comment]").press_sequentially("Half a thou")
        assert saved.value.status == 204
        expect(desktop.page.locator("[name=comment]")).to_be_focused()
    with tabs(browser, server, "alice", "bob") as (elsewhere, bob):
        elsewhere.open(path)
        expect(elsewhere.page.locator("[name=comment]")).to_have_value("Half a thou")
        bob.open(path)
        expect(bob.page.locator("[name=comment]")).to_have_value("")


def test_selected_requests_are_decided_together(browser: Browser, server: ServeProcess) -> None:
    ids = [transfer(server, f"One of many, number {n}?").split("/")[2] for n in range(3)]
    with tabs(browser, server, "alice") as tab:
        tab.open_live("/?q=One of many")
        for request in ids[:2]:
            tab.page.check(f"input[value='{request}']")
        transfer(server, "One of many, and later?")
        expect(tab.page.locator("#arrivals")).to_have_text("1 new")
        expect(tab.page.locator("#rows :checked")).to_have_count(2)
        tab.page.click("#selection button >> nth=0")
        expect(tab.page.locator("h1")).to_have_text("Decide 2 selected requests")
        assert not tab.is_too_wide
        tab.page.fill("[name$='.comment']", "All the same")
        tab.page.get_by_role("button", name="Approve selected").click()
        expect(tab.page.locator("h1")).to_have_text("Nothing left to decide")
        expect(tab.page.locator(".entry .tag.go")).to_have_count(2)
    assert found(logged_in(server, "alice"), "One of many, number") == ids[2:]


def test_without_scripts_people_claim_comment_edit_and_decide(
    browser: Browser, server: ServeProcess
) -> None:
    path = transfer(server, "No script, two people?", both="true")
    with tabs(browser, server, "alice", "bob", java_script_enabled=False) as (alice, bob):
        alice.open(path)
        alice.page.click("[data-shortcut=claim]")
        expect(alice.page.locator("#detail")).to_contain_text("Claimed by you until")
        alice.page.click("summary:has-text('Add a comment')")
        alice.page.fill("[name=said]", "I shorten it.")
        alice.page.click("button:has-text('Comment')")
        expect(alice.page.locator(".comments")).to_contain_text("I shorten it.")
        alice.page.fill("[name='_edit.amount']", "500")
        alice.page.click("[name=verdict][value=approve]")
        expect(alice.page.locator("#detail")).to_contain_text("You have approved this")
        bob.open(path)
        bob.page.click("[name=verdict][value=approve]")
        expect(bob.page.locator("#detail .outcome")).to_contain_text("You approved this")


def test_alice_never_sees_a_request_assigned_to_bob(browser: Browser, server: ServeProcess) -> None:
    with tabs(browser, server, "alice", "bob") as (alice, bob):
        for tab in (alice, bob):
            tab.open_live("/")
        path = transfer(server, "Only for bob?", assign="bob")
        expect(bob.page.locator("#rows")).to_contain_text("Only for bob?")
        expect(alice.page.locator("body")).not_to_contain_text("Only for bob?")
        alice.open(path)
        expect(alice.page.locator("h1")).to_have_text("Request not found")
    eventually(lambda: found(logged_in(server, "alice"), "Only for bob") == [], "hidden")
