"""Pages and a person who decides, in a process of their own.

The first line of the input is JSON: `port`, `sessions` (one for each page), `decider` (a session),
`requests` (to approve, in this order) and `rate` (a second). The process opens the pages and prints
a line; at a second line of the input it decides, and prints what it measured as JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import Any

from tests.benchmarks.live.lines import say
from tests.benchmarks.live.page import InboxPage, request

TOKEN = "b" * 32
OPENING = 20  # pages that open at the same time
PATIENCE = 20.0  # seconds that the last decision may take to be shown


class Load:
    """The pages, and when each of them showed each decision."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._shown: dict[str, list[float]] = {one: [] for one in given["requests"]}
        self._sent: dict[str, float] = {}
        self.decided: list[float] = []
        self.statuses: list[int] = []
        self.pages = [
            InboxPage(given["port"], session, self._note_shown) for session in given["sessions"]
        ]

    def _note_shown(self, request: str, when: float) -> None:
        if request in self._shown:
            self._shown[request].append(when)

    async def open(self) -> None:
        """Open all pages."""
        for first in range(0, len(self.pages), OPENING):
            await asyncio.gather(*(one.open() for one in self.pages[first : first + OPENING]))

    async def decide(self) -> None:
        """Approve the requests at fixed moments, whether or not the one before is done."""
        began = time.monotonic() + 0.1
        async with asyncio.TaskGroup() as group:
            for number, key in enumerate(self._given["requests"]):
                await asyncio.sleep(began + number / self._given["rate"] - time.monotonic())
                group.create_task(self._approve(key))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self._is_all_shown():  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    def _is_all_shown(self) -> bool:
        return all(len(times) >= len(self.pages) for times in self._shown.values())

    async def _approve(self, key: str) -> None:
        began = self._sent[key] = time.monotonic()
        headers = {
            "Cookie": f"sessionid={self._given['decider']}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "HX-Request": "true",
            "Origin": f"http://127.0.0.1:{self._given['port']}",
        }
        path = f"/requests/{key}/decide/"
        status, _ = await request(self._given["port"], "POST", path, headers, "verdict=approve")
        self.statuses.append(status)
        self.decided.append((time.monotonic() - began) * 1000)

    def report(self) -> dict[str, Any]:
        """Return the figures, in ms."""
        shown = [
            (when - self._sent[key]) * 1000
            for key, times in self._shown.items()
            for when in times
            if key in self._sent
        ]
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "decided": self.decided, "shown": shown, "statuses": sorted(set(self.statuses)),
            "lost": len(self.pages) * len(self._shown) - len(shown),
            "fetches": sum(one.fetches for one in self.pages),
            "gaps": sum(one.gaps for one in self.pages),
            "closed": sum(one.socket.is_closed for one in self.pages),
            "cpu": usage.ru_utime + usage.ru_stime,
        }  # fmt: skip


async def run() -> None:
    """Do what the input says."""
    load = Load(json.loads(sys.stdin.readline()))
    await load.open()
    say("open")
    await asyncio.to_thread(sys.stdin.readline)
    await load.decide()
    say(load.report())
    for page in load.pages:
        page.close()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(run())
