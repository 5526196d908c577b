"""A Chromium with the inbox open, and the memory that it uses after a garbage collection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.conftest import find_chromium


class Onlooker:
    """An open page of the inbox."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page = page
        self._session = session

    def heap(self) -> float:
        """Return the MB of JavaScript's objects that are in use, after a forced collection."""
        for _ in range(2):  # the second collection frees what the first one finalised
            self._session.send("HeapProfiler.collectGarbage")
        return float(self._session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20

    def wait(self, seconds: float) -> None:
        """Wait while the page handles its events."""
        self._page.wait_for_timeout(seconds * 1000)


@contextmanager
def watching(url: str, session_key: str) -> Iterator[Onlooker | None]:
    """Keep the inbox open in the Chromium of the machine; yield None if there is none."""
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
