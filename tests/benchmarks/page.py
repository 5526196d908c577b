"""The time from an answer until the request disappears from another person's open inbox.

The page here does what its script does: it reads the list when the socket says so, and takes out a
row when the socket says that its request has left.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.client import connect

from tests.benchmarks.peers.measure import Row, options
from tests.benchmarks.times import FEWEST, RATE, Committed, print_percentiles, rate_of, slowness

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
    """An open inbox, and when the message came that each request has left."""

    def __init__(self, server: Server) -> None:
        self.gone: dict[str, float] = {}
        self._news = asyncio.Condition()
        self._is_read = asyncio.Event()
        self._server = server
        self._headers = {"Cookie": f"sessionid={server.session}"}
        self._http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LOST)

    async def follow(self) -> None:
        """Hold the socket and do what it says, until cancelled."""
        where = f"127.0.0.1:{self._server.port}"
        socket = await connect(
            f"ws://{where}/ws/inbox/", additional_headers=self._headers,
            origin=f"http://{where}",  # type: ignore[arg-type]
            compression=None,
        )  # fmt: skip
        try:
            async for text in socket:
                message = json.loads(text)
                if message.get("read"):
                    await asyncio.to_thread(self._get)
                    self._is_read.set()
                await self._note(message.get("changes", ()), time.monotonic())
        finally:
            socket.transport.abort()
            self._http.close()

    async def _note(self, changes: Sequence[dict[str, Any]], now: float) -> None:
        for change in changes:
            if change["kind"] == "removed":
                self.gone.setdefault(change["id"], now)
        async with self._news:
            self._news.notify_all()

    def _get(self) -> None:
        self._http.request("GET", "/", headers={**self._headers, "HX-Request": "true"})
        response = self._http.getresponse()
        text = response.read().decode()
        assert response.status == 200, text

    async def until_read(self) -> None:
        """Wait until the page has read its list."""
        async with asyncio.timeout(LOST):
            await self._is_read.wait()

    async def until_gone(self, requests: Sequence[str]) -> None:
        """Wait until the messages came that these have left."""
        async with asyncio.timeout(LOST), self._news:
            await self._news.wait_for(lambda: self.gone.keys() >= set(requests))


async def watched(
    server: Server, count: int, rate: float, before: float
) -> tuple[list[float], float]:
    """Make this number of requests, open the page, and answer `before` seconds later; return the ms
    of each, and the real rate."""
    requests = (await asyncio.to_thread(server.send, f"wait {count}"))["requests"]
    page = Page(server)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(page.follow())
        await page.until_read()
        await asyncio.sleep(before)
        reported = await asyncio.to_thread(server.send, f"answer {rate}")
        await page.until_gone(requests)
        following.cancel()
    committed: Committed = reported["committed"]
    return [(page.gone[one] - committed[one]) * 1000 for one in requests], rate_of(committed)


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
