"""`make soak-memory`: in 100,000 cycles in each mode, memory and files must stop growing.

In a cycle a run is started, its request is approved, and the run completes. Several clients do
this at full speed, a quarter on the pages and the rest in Python, while a browser shows the inbox.
The exit code is 1 if anything grew between a fifth of the cycles and all of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.endurance import site as sites
from tests.benchmarks.endurance.figures import Growth, Moment
from tests.benchmarks.endurance.onlooker import Onlooker, watching
from tests.benchmarks.endurance.site import Site
from tests.e2e.server import ROOT

PARTS = (0.05, 0.2, 0.4, 0.6, 0.8, 1.0)  # shares of the cycles, after which the sizes are measured
QUIET = 5.0  # seconds before a measurement
CLEAN_EVERY = 120.0  # seconds; pruning reads all ended runs
STUCK = 120.0  # seconds without a completed run after which the command gives up
MODES = ("embedded", "scaled")


def say(text: str) -> None:
    """Print a line at once, so that the progress can be seen."""
    print(text, flush=True)  # noqa: T201 - a command's output


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.endurance")
    parser.add_argument("--cycles", type=int, default=100_000)
    parser.add_argument("--mode", action="append", choices=MODES, help="only this mode")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument(
        "--database", default=os.environ.get("TEST_DATABASE_URL", ""),
        help="a PostgreSQL that may make databases, for the mode `scaled` (TEST_DATABASE_URL)",
    )  # fmt: skip
    parser.add_argument(
        "--redis", default=os.environ.get("TEST_REDIS_URL", ""), help="(TEST_REDIS_URL)"
    )
    return parser.parse_args()


class Clients:
    """The programs that start runs and answer requests."""

    def __init__(self, count: int, site: Site, session: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.endurance.client"]
        command += [str(site.port), session]
        self._processes = [
            subprocess.Popen(
                [*command, str(count), str(number)],
                cwd=ROOT,
                env=site.env,
                stdin=subprocess.PIPE,
                text=True,
            )  # fmt: skip
            for number in range(count)
        ]

    def order(self, count: int) -> None:
        """Let them start this number of runs in total."""
        for number, process in enumerate(self._processes):
            share = count // len(self._processes) + (number < count % len(self._processes))
            assert process.stdin
            process.stdin.write(f"{share}\n")
            process.stdin.flush()

    def check_alive(self) -> None:
        """Fail if one of them ended by itself."""
        if any(process.poll() is not None for process in self._processes):
            raise RuntimeError("A client ended; see above.")

    def stop(self) -> None:
        """End the programs."""
        for process in self._processes:
            assert process.stdin
            process.stdin.close()
            process.kill()
            process.wait()


def work(site: Site, clients: Clients, page: Onlooker | None, until: int) -> float:
    """Wait until this number of runs has completed, and prune meanwhile; return the seconds."""
    began = cleaned = moved = time.monotonic()
    done = 0
    while (count := site.completed()) < until:
        clients.check_alive()
        now = time.monotonic()
        if count > done:
            done, moved = count, now
        if now - moved > STUCK:
            raise RuntimeError(f"{count} of {until} runs completed, and then none.")
        if now - cleaned > CLEAN_EVERY:
            site.clean()
            cleaned = time.monotonic()
        pause(page, 0.5)
    return time.monotonic() - began


def pause(page: Onlooker | None, seconds: float) -> None:
    """Wait, while the page handles its events."""
    if page is None:
        time.sleep(seconds)
    else:
        page.wait(seconds)


def endure(site: Site, asked: argparse.Namespace) -> Growth:
    """Wait for the cycles, and measure after each part of them."""
    keys = site.start()
    clients = Clients(asked.clients, site, keys["client"])
    growth, done = Growth(), 0
    try:
        with watching(f"http://127.0.0.1:{site.port}", keys["onlooker"]) as page:
            for until in [int(asked.cycles * part) for part in PARTS]:
                clients.order(until - done)
                rate = (until - done) / max(work(site, clients, page, until), 0.001)
                site.clean()
                pause(page, QUIET)
                moment = Moment(
                    until, rate, site.measure(), site.wal_bytes() / 2**20,
                    site.database_bytes() / 2**20, page.heap() if page else None,
                )  # fmt: skip
                growth.moments.append(moment)
                say(f"  {moment}")
                done = until
    finally:
        clients.stop()
        site.stop()
    return growth


@contextmanager
def opened(mode: str, folder: Path, asked: argparse.Namespace) -> Iterator[Site]:
    """Yield the site of a mode."""
    if mode == "embedded":
        with sites.embedded(folder) as site:
            yield site
        return
    with sites.scaled(folder, asked.database, asked.redis) as site:
        yield site


def main() -> int:
    """Measure each mode, and print what grew."""
    asked, faults = options(), []
    for mode in asked.mode or MODES:
        if mode == "scaled" and not (asked.database and asked.redis):
            say("scaled: left out. It wants TEST_DATABASE_URL and TEST_REDIS_URL.")
            continue
        say(f"{mode}: {asked.cycles:,} cycles by {asked.clients} clients")
        folder = Path(tempfile.mkdtemp(prefix="blazen-endurance-"))
        try:
            with opened(mode, folder, asked) as site:
                found = [f"{mode}: {fault}" for fault in endure(site, asked).faults()]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        faults += found
        say("\n".join(f"  {fault}" for fault in found) or "  Everything levelled off.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
