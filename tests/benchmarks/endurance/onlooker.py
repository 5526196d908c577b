"""A Chromium with the inbox open, and how much of its memory is in use after a collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.conftest import find_chromium


class Onlooker:
    """An open inbox."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page = page
        self._session = session

    def heap(self) -> float:
        """Return the MB of JavaScript's objects that are in use, after a forced collection."""
        for _ in range(2):  # what the first one finalizes, the second one frees
            self._session.send("HeapProfiler.collectGarbage")
        return float(self._session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20

    def wait(self, seconds: float) -> None:
        """Let the page work for so long."""
        self._page.wait_for_timeout(seconds * 1000)


@contextmanager
def watching(url: str, session_key: str) -> Iterator[Onlooker | None]:
    """Keep the inbox open in the Chromium of the machine; None where there is none."""
    path = find_chromium()
    if path is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = browser.new_context()
        context.add_cookies([{"name": "sessionid", "value": session_key, "url": url}])
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("[data-live=''][data-state=live]", state="attached")
        session = context.new_cdp_session(page)
        session.send("HeapProfiler.enable")
        yield Onlooker(page, session)
        browser.close()
