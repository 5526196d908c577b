"""How long an answer takes to leave another person's open inbox, in a browser of theirs.

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
from tests.benchmarks.times import FEWEST, RATE, Committed, rate_of, slowness, tell

CALM = 0.5
"""Answers a second that do not crowd."""

CALM_COUNT = 6
AIMS, CALM_AIMS = {50: 60.0, 99: 250.0}, {50: 60.0}
LOST = 30.0
"""Seconds after which a row that still stands there would stay for ever."""


class Server:
    """The process that serves, and whose people answer."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.script", "server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = self._read()
        self.port, self.session = int(said["port"]), str(said["session"])

    def tell(self, line: str) -> dict[str, Any]:
        """Give a command and return what it says once it is done."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """Let it end by itself; not for ever."""
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
    """An open inbox, and when it was told that each request has left."""

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
        """Wait until the page was told that these have left."""
        async with asyncio.timeout(LOST), self._news:
            await self._news.wait_for(lambda: self.gone.keys() >= set(requests))


async def watched(
    server: Server, count: int, rate: float, before: float
) -> tuple[list[float], float]:
    """Let so many wait, open the page, answer `before` seconds later; return each one's ms, and
    the rate there was."""
    requests = (await asyncio.to_thread(server.tell, f"wait {count}"))["requests"]
    page = Page(server)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(page.follow())
        await page.until_read()
        await asyncio.sleep(before)
        reported = await asyncio.to_thread(server.tell, f"answer {rate}")
        await page.until_gone(requests)
        following.cancel()
    committed: Committed = reported["committed"]
    return [(page.gone[one] - committed[one]) * 1000 for one in requests], rate_of(committed)


async def measure(server: Server, store: str, seconds: float) -> None:
    """Measure one page, while answers crowd and while they do not."""
    count = max(FEWEST, int(RATE * seconds))
    before = min(1.5, seconds)  # then the refresh that followed its opening is over
    times, rate = await watched(server, count, RATE, before)
    note = f"from an answer's commit until another person's open inbox lacks it, {RATE} answers/s."
    tell(Row("page", RATE, store, slowness(rate)), [times], AIMS, note)
    times, _ = await watched(server, CALM_COUNT, CALM if seconds > 1 else RATE, before)
    note = f"the same, an answer every {1 / CALM:.0f} s: each finds the page at rest."
    tell(Row("calm page", 1, store), [times], CALM_AIMS, note)


@contextmanager
def serving() -> Iterator[Server]:
    """Let the server run meanwhile."""
    server = Server()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    """Measure what BENCH_STORE names: sqlite or postgresql."""
    asked = options()
    with serving() as server:
        asyncio.run(measure(server, os.environ["BENCH_STORE"], asked.seconds * asked.repeats))


if __name__ == "__main__":
    main()
