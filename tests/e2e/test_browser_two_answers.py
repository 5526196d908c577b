"""Two people answer at the same time in two browsers: the second sees who was first."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.pages import asked, expect, logged_in, start, tabs
from tests.e2e.server import ServeProcess, say

pytestmark = [pytest.mark.browser, pytest.mark.soak]

ROUNDS = 200 if os.environ.get("SOAK") == "1" else 5
NAMES = ("alice", "bob")

# Both pages share the clock of the machine. Each presses its button at the given time.
PRESS = """([value, moment]) => {
  const button = document.querySelector(`button[name=verdict][value=${value}]`);
  setTimeout(() => button.click(), moment - Date.now());
}"""
# The message for the accepted person, and the one for the other.
SHOWN = "#detail .last-decision:visible, #detail .note[role=alert]"


def press_at_once(pages: list[Page]) -> None:
    """Let alice approve and bob reject at the same time, shortly after this call."""
    moment = pages[0].evaluate("Date.now() + 150")
    for page, value in zip(pages, ("approve", "reject"), strict=True):
        page.evaluate(PRESS, [value, moment])


def test_one_is_accepted_and_the_other_sees_who_it_was(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = ServeProcess(tmp_path_factory.mktemp("var"), "--noreload").wait_until_healthy()
    admin = logged_in(server, "admin")
    won: Counter[str] = Counter()
    try:
        with tabs(browser, server, *NAMES) as both:
            for number in range(ROUNDS):
                run = start(admin, "assistant", text=f"Round {number} of many. It is short.")
                (request,) = asked(admin, f"Round {number} of")
                for tab in both:
                    tab.open(f"/requests/{request}/")
                press_at_once([tab.page for tab in both])
                for tab in both:
                    expect(tab.page.locator(SHOWN)).to_be_visible()
                ahead = [tab.page.locator(".last-decision:visible").count() == 1 for tab in both]
                assert sorted(ahead) == [False, True], ahead
                winner, late = NAMES[ahead.index(True)], both[ahead.index(False)]
                assert late.page.locator(".outcome b").first.inner_text() == winner
                won[winner] += 1
                watcher = both[0]
                watcher.open(run)
                expect(watcher.page.locator("#run-head")).to_have_attribute(
                    "data-status", "completed"
                )
        say(f"{ROUNDS} rounds in two browsers: {dict(won)}")
    finally:
        server.kill()
