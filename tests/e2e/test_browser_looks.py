"""Every page fits a desktop and a phone, in light and dark, under the strict policy.

SHOTS=<folder> keeps pictures of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.e2e.pages import NARROW, WIDE, Tab, asked, decide, logged_in, start, tabs
from tests.e2e.server import ServeProcess, eventually

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("SHOTS")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FINGER = 44  # pixels; the minimum height of a control on a phone

# Visible controls that are lower than a finger needs.
SMALL = """(finger) => [...document.querySelectorAll(
    "button, .button, select, textarea, summary, .row, .back,"
    + "input:not([type=hidden], [type=checkbox], [type=radio])")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !one.closest("dl, pre, .run section > details"))
  .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect().height])
  .filter(([, height]) => height > 0 && height < finger - 0.5)"""


@pytest.fixture(scope="module")
def server(everyday: ServeProcess) -> ServeProcess:
    return everyday


@pytest.fixture(scope="module")
def paths(server: ServeProcess) -> dict[str, str]:
    """The pages by name, after they have rows."""
    admin, bob = logged_in(server, "admin"), logged_in(server, "bob")
    completed = start(admin, "assistant", text="The harbour opens again. We are glad.")
    decide(bob, asked(admin, "The harbour")[0], verdict="approve", comment="Good news")
    failed = start(admin, "fails")
    waiting = start(admin, "assistant", text="A second letter. It still waits.")
    (bare,) = asked(admin, "A second letter")
    (typed,) = asked(admin, "Taxi home after the last train")
    (answered,) = asked(admin, "Dinner in Aurich")
    decide(bob, answered, approved="false", amount="0", reason="refused", note="No receipt")
    eventually(lambda: "Completed" in admin.get(completed)[1], "a run ends")
    eventually(lambda: "Failed" in admin.get(failed)[1], "a run fails")
    return {
        "inbox": "/",
        "inbox-filtered": "/?q=nothing+like+this",
        "request-bare": f"/requests/{bare}/",
        "request-typed": f"/requests/{typed}/",
        "request-answered": f"/requests/{answered}/",
        "request-missing": "/requests/00000000-0000-4000-8000-000000000000/",
        "answered": "/requests/answered/",
        "closed": "/requests/answered/?closed=1",
        "runs": "/runs/",
        "run-waiting": waiting,
        "run-completed": completed,
        "run-failed": failed,
        "attention": "/runs/attention/",
        "catalogue": "/workflows/",
        "workflow": "/workflows/expenses/",
        "account": "/accounts/",
        "password": "/accounts/password/",
    }


def faults(tab: Tab, name: str) -> list[str]:
    """Return the faults of the open page in all widths and themes; save pictures if asked."""
    wrong = []
    for size in (WIDE, NARROW):
        tab.page.set_viewport_size(size)
        wide = size["width"]
        for scheme in SCHEMES:
            tab.page.emulate_media(color_scheme=scheme)
            if SHOTS:
                path = Path(SHOTS) / f"{name}-{wide}-{scheme}.png"
                tab.page.screenshot(path=path, full_page=True)
        if tab.is_too_wide:
            wrong.append(f"{name} is too wide at {wide}")
    wrong += [f"{name} has a low control: {one}" for one in tab.page.evaluate(SMALL, FINGER)]
    return wrong + tab.watch.refused()


def test_every_page_fits(browser: Browser, server: ServeProcess, paths: dict[str, str]) -> None:
    wrong = []
    with tabs(browser, server, "admin", "alice", has_touch=True) as (admin, alice):
        for name, path in paths.items():
            tab = alice if path == "/" or path.startswith("/requests/") else admin
            tab.open(path)
            wrong += faults(tab, name)
    with tabs(browser, server, "") as nobody:
        nobody.open("/accounts/login/")
        wrong += faults(nobody, "login")
        nobody.enter("alice", "wrong")
        nobody.page.locator(".errors").wait_for()
        nobody.page.wait_for_load_state()  # the text is shown before the style is loaded
        wrong += faults(nobody, "login-refused")
    assert wrong == []


def test_the_first_tab_stop_of_a_page_leads_to_its_content(
    browser: Browser, server: ServeProcess
) -> None:
    with tabs(browser, server, "alice") as alice:
        alice.open("/runs/")
        alice.page.keyboard.press("Tab")
        assert alice.page.evaluate("document.activeElement.className") == "skip"
        alice.page.keyboard.press("Enter")
        assert alice.page.evaluate("document.activeElement.id") == "main"


def test_only_the_list_scrolls_on_a_desktop(
    browser: Browser, server: ServeProcess, paths: dict[str, str]
) -> None:
    with tabs(browser, server, "alice", viewport={"width": 1440, "height": 400}) as tab:
        tab.open(paths["inbox"])
        tab.page.wait_for_load_state()
        assert tab.page.locator("#rows a.row").count() > 4
        document, rows = tab.page.evaluate(
            "[document.documentElement, document.querySelector('#rows')]"
            ".map((one) => one.scrollHeight - one.clientHeight)"
        )
        assert document == 0
        assert rows > 0
