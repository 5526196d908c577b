"""The time from an answer until the request disappears from another person's open inbox.

The page here does what its script does: at a refresh it fetches the list over HTTP, one fetch at a
time, and shows the response.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.client import connect

from tests.benchmarks.peers.measure import Row, options
from tests.benchmarks.times import FEWEST, RATE, Committed, print_percentiles, rate_of, slowness

ROW = re.compile(r'<li data-request="([0-9a-f-]{36})"')
FULL = 100
"""The number of rows of a full page of the list."""

CALM = 0.5
"""Answers a second at a low rate."""

CALM_COUNT = 6
AIMS, CALM_AIMS = {50: 60.0, 99: 250.0}, {50: 60.0}
LOST = 30.0
"""Seconds after which the measurement fails if the row is still there."""


class Server:
    """The process that serves the pages and answers requests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.script", "server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = self._read()
        self.port, self.session = int(said["port"]), str(said["session"])

    def send(self, line: str) -> dict[str, Any]:
        """Send a command and return the response when it is done."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """Wait until it ends, for a limited time."""
        assert self._process.stdin
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LOST)
        self._process.kill()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The server of the benchmark ended; see above.")
        return dict(json.loads(line))


class Page:
    """An open inbox: the lists that it showed, with their times."""

    def __init__(self, server: Server) -> None:
        self.shown: list[tuple[float, list[str]]] = []
        self._news = asyncio.Condition()
        self._server = server
        self._headers = {"Cookie": f"sessionid={server.session}"}
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LOST)

    async def follow(self) -> None:
        """Keep the socket open and fetch the list at each refresh, until cancelled."""
        where = f"127.0.0.1:{self._server.port}"
        socket = await connect(
            f"ws://{where}/ws/inbox/", additional_headers=self._headers,
            origin=f"http://{where}",  # type: ignore[arg-type]
            compression=None,
        )  # fmt: skip
        try:
            await self.fetch()
            async for message in socket:
                if 'id="refresh"' in str(message):
                    await self.fetch()
        finally:
            socket.transport.abort()
            self._http.close()

    async def fetch(self) -> None:
        """Fetch the list as htmx does, and record it with the time."""
        text = await asyncio.to_thread(self._get)
        self.shown.append((time.monotonic(), ROW.findall(text)))
        async with self._news:
            self._news.notify_all()

    def _get(self) -> str:
        self._http.request("GET", "/", headers={**self._headers, "HX-Request": "true"})
        response = self._http.getresponse()
        text = response.read().decode()
        assert response.status == 200, text
        return text

    async def until(self, condition: Callable[[list[str]], bool]) -> None:
        """Wait until a condition on the list is true."""
        async with asyncio.timeout(LOST), self._news:
            await self._news.wait_for(lambda: self.shown and condition(self.shown[-1][1]))


def gone(
    requests: Sequence[str], committed: Committed, shown: Sequence[tuple[float, list[str]]]
) -> list[float]:
    """Return for each request the ms from its answer to the first list that lacks it.

    A full list may end before the position of a request, so it does not count as without it.
    """
    places = {request: place for place, request in enumerate(requests)}
    seen = [
        (when, set(rows), places[rows[-1]] if len(rows) >= FULL else len(requests))
        for when, rows in shown
    ]
    times = []
    for request, place in places.items():
        lacking = (
            when for when, rows, reach in seen
            if when > committed[request] and place <= reach and request not in rows
        )  # fmt: skip
        times.append((next(lacking) - committed[request]) * 1000)
    return times


async def watched(
    server: Server, count: int, rate: float, before: float
) -> tuple[list[float], float]:
    """Make this number of requests, open the page, and answer `before` seconds later; return the ms
    of each, and the real rate."""
    requests = (await asyncio.to_thread(server.send, f"wait {count}"))["requests"]
    page = Page(server)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(page.follow())
        await page.until(bool)
        await asyncio.sleep(before)
        reported = await asyncio.to_thread(server.send, f"answer {rate}")
        await page.until(lambda rows: not rows)
        following.cancel()
    committed: Committed = reported["committed"]
    return gone(requests, committed, page.shown), rate_of(committed)


async def measure(server: Server, store: str, seconds: float) -> None:
    """Measure one page, at a high and at a low rate of answers."""
    count = max(FEWEST, int(RATE * seconds))
    before = min(1.5, seconds)  # the refresh after the opening is over by then
    times, rate = await watched(server, count, RATE, before)
    note = f"from an answer's commit until another person's open inbox lacks it, {RATE} answers/s."
    print_percentiles(Row("page", RATE, store, slowness(rate)), [times], AIMS, note)
    times, _ = await watched(server, CALM_COUNT, CALM if seconds > 1 else RATE, before)
    note = f"the same, an answer every {1 / CALM:.0f} s: each finds the page at rest."
    print_percentiles(Row("calm page", 1, store), [times], CALM_AIMS, note)


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server inside the block."""
    server = Server()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    """Measure the store that BENCH_STORE names: sqlite or postgresql."""
    asked = options()
    with serving() as server:
        asyncio.run(measure(server, os.environ["BENCH_STORE"], asked.seconds * asked.repeats))


if __name__ == "__main__":
    main()
