"""How many open inboxes one process of the embedded mode carries beside people who decide."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.live.page import Socket
from tests.benchmarks.peers.figures import OURS, Figure, print_line
from tests.benchmarks.times import percentile

LOADS = ("20x3", "100x3", "300x3", "1000x5", "300x10", "300x30")
"""Pages, and decisions a second. Beside each decision a run is started, whose request arrives."""

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
BYTES = 100  # of a message that says that a request has left
MESSAGES = 4000  # of the plain consumer in all, at least five to each socket
PATIENCE = 30.0


class Process:
    """A process that takes lines, and answers with lines of JSON."""

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> Any:
        """Give a line and return the answer."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.read()

    def read(self) -> Any:
        """Return what the process says next."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("A process of the benchmark ended; see above.")
        return json.loads(line)

    @property
    def cpu(self) -> float:
        """The seconds of processor time that it took until now."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """The KB that it has in memory."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * PAGE_SIZE / 1024

    def stop(self) -> None:
        """Let it end by itself; not for ever."""
        assert self._process.stdin
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        self._process.kill()
        self._process.wait()


@contextmanager
def running(*words: str) -> Iterator[Process]:
    """Let a process run meanwhile."""
    process = Process(*words)
    try:
        yield process
    finally:
        process.stop()


def measure_load(
    server: Process, pages: int, rate: float, *, first: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Return what a load process found, with the server's processor time and memory."""
    sessions = server.ask(f"people {pages}")["sessions"]
    requests = server.ask(f"wait {max(10, int(rate * seconds))}")["requests"]
    server.ask("collect")
    before = server.memory
    with running("tests.benchmarks.live.load") as load:
        given = {"port": first["port"], "decider": first["session"], "rate": rate}
        load.ask(json.dumps(given | {"sessions": sessions, "requests": requests}))
        server.ask("collect")
        memory, began = server.memory, server.cpu
        server.ask(f"start {rate} {len(requests)}")
        found: dict[str, Any] = load.ask("decide")
        found["server_cpu"] = (server.cpu - began) / len(requests)
        found["memory"] = (memory - before) / pages if pages else 0.0
    return found


async def hold(port: int, pages: int) -> list[Socket]:
    """Return open sockets of the plain consumer."""
    sockets = []
    for _ in range(pages):
        _, socket = await asyncio.get_running_loop().create_connection(
            lambda: Socket(port, "/", "", lambda content: None), "127.0.0.1", port
        )
        await socket.opened
        sockets.append(socket)
    return sockets


def plain_cost(pages: int) -> float:
    """Return the processor time of one message to one socket of the plain consumer, in us."""
    count = max(5, min(20, MESSAGES // pages))
    with running("tests.benchmarks.live.plain") as plain:
        port = plain.read()["port"]

        async def send() -> float:
            sockets = await hold(port, pages)
            before = plain.cpu
            await asyncio.to_thread(plain.ask, f"{count} {BYTES}")
            taken = plain.cpu - before
            return taken / count / len(sockets) * 1e6

        return asyncio.run(send())


class Report:
    """Prints the figures of one load: so many pages, so many decisions a second."""

    def __init__(self, store: str, pages: int, rate: int) -> None:
        self._store = store
        self._pages = pages
        self._rate = rate

    def tell(self, row: str, figure: float, unit: str, note: str, aim: float | None = None) -> None:
        """Print one figure."""
        print_line(
            Figure(
                row=f"live {self._rate}/s {row}", peer=OURS, version="", store=self._store,
                at_once=self._pages, figure=round(figure, 2), unit=unit, repeats=[figure], aim=aim,
                note=note,
            )
        )  # fmt: skip

    def decided(self, times: Sequence[float], alone: Sequence[float] = ()) -> None:
        """Print how long deciding took. `alone` is how long it took without pages."""
        for part in (50, 99):
            aim = 1.5 * percentile(alone, part) if alone and part == 99 else None
            note = f"deciding over HTTP beside open inboxes, {self._rate} decisions/s."
            self.tell(f"decide p{part}", percentile(times, part), "ms", note, aim)

    def shown(self, found: dict[str, Any], idle: float, plain: float) -> None:
        """Print when the pages showed it, and what each page cost."""
        lost = f" {found['lost']} were not shown." if found["lost"] else ""
        for part, aim in ((50, None), (99, 500.0)):
            note = f"from sending a decision until another page shows it.{lost}"
            self.tell(f"shown p{part}", percentile(found["shown"], part), "ms", note, aim)
        each = (found["server_cpu"] - idle) / self._pages * 1e6
        note = (
            "processor time of the server for a page and decision, beside that without pages; "
            f"{found['fetches']} fetches. A plain consumer takes {plain:.0f} us for a message."
        )
        self.tell("cpu", each, "us", note, 2 * plain)
        self.tell("memory", found["memory"], "KB", "memory of the server for a page.", 60.0)


def main() -> None:
    """Measure what BENCH_STORE names: sqlite or postgresql."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a repeat")
    parser.add_argument("--load", nargs="*", default=LOADS, help="pages x decisions a second")
    asked = parser.parse_args()
    loads = [tuple(map(int, one.split("x"))) for one in asked.load]
    seconds = asked.seconds * asked.repeats  # a load is measured once, for as long as all repeats
    store = os.environ["BENCH_STORE"]
    plain = {pages: plain_cost(pages) for pages in sorted({pages for pages, _ in loads}) if pages}
    with running("tests.benchmarks.script", "live.server") as server:
        first = server.read()
        for rate in sorted({rate for _, rate in loads}):
            alone = measure_load(server, 0, rate, first=first, seconds=seconds)
            Report(store, 0, rate).decided(alone["decided"])
            for pages in sorted({pages for pages, of in loads if of == rate and pages}):
                found = measure_load(server, pages, rate, first=first, seconds=seconds)
                report = Report(store, pages, rate)
                report.decided(found["decided"], alone["decided"])
                report.shown(found, alone["server_cpu"], plain[pages])


if __name__ == "__main__":
    main()
