"""How the script of a peer measures. It needs the standard library only.

Each script runs in the environment of its peer and prints one JSON line for each figure. A figure
is the median of several repeats, after one that only warms up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

STEPS, RUNS, CHAIN = 1_000, 200, 100
"""Steps of the run in "engine steps", runs in "engine runs", steps of a run in "durable steps"."""

UNITS = {
    "engine steps": "steps/s",
    "engine runs": "runs/s",
    "in-memory cycle": "cycles/s",
    "durable cycle": "cycles/s",
    "durable steps": "steps/s",
}

Work = Callable[[], Awaitable[object]]


@dataclass
class Clock:
    """Counts the measured steps, and tells a step whether its chain ends early."""

    steps: int = 0
    over: bool = False

    def tick(self) -> bool:
        """Count one step; return True if the time for measuring is over."""
        self.steps += 1
        return self.over


@dataclass(frozen=True)
class Row:
    """A row of the table that is measured."""

    name: str
    at_once: int = 1
    store: str = "memory"
    uneven: str = ""


def options() -> argparse.Namespace:
    """Read the command line of a script."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    parser.add_argument("--folder", type=Path, default=Path(), help="for SQLite files")
    parser.add_argument("--schema", default="public", help="for PostgreSQL tables")
    parser.add_argument("--row", action="append", default=[], help="only this row")
    parser.add_argument("--turns", action="store_true", help="wait for a line before each repeat")
    return parser.parse_args()


@dataclass
class Bench:
    """Measures the figures of one peer and prints them."""

    peer: str
    package: str
    options: argparse.Namespace = field(default_factory=options)

    def wants(self, *names: str) -> bool:
        """Return True if one of these rows was selected."""
        return not self.options.row or any(name in self.options.row for name in names)

    def durable_stores(self) -> Iterator[tuple[str, str]]:
        """Yield the stores of the durable rows, each with a new file or an address."""
        if not self.wants("durable cycle", "durable steps"):
            return
        file = self.options.folder / f"{self.peer}.sqlite3"
        for old in self.options.folder.glob(f"{file.name}*"):
            old.unlink()
        # This connection stays open. Otherwise a peer that connects for each write would be the
        # last one each time, and would have to remove the write-ahead log.
        with closing(sqlite3.connect(file)) as bystander:
            bystander.execute("PRAGMA journal_mode=WAL").fetchall()
            bystander.execute("SELECT * FROM sqlite_master").fetchall()
            yield "sqlite", str(file)
        if address := os.environ.get("BENCH_DATABASE_URL"):
            yield "postgresql", address

    async def batches(self, row: Row, work: Work, counts: int) -> None:
        """Measure pieces of work, one after the other. Each counts as `counts`."""

        async def repeat() -> float:
            done, began = 0, time.perf_counter()
            while time.perf_counter() - began < self.options.seconds / 2:
                await work()
                done += counts
            return done / (time.perf_counter() - began)

        await self._take(row, repeat)

    async def cycles(self, row: Row, cycle: Work) -> None:
        """Run cycles, several at once, until the time is over.

        Cycles that have begun by then are finished, and are counted with their time.
        """

        async def repeat() -> float:
            done, began = 0, time.perf_counter()

            async def lane() -> None:
                nonlocal done
                while time.perf_counter() - began < self.options.seconds:
                    await cycle()
                    done += 1

            await asyncio.gather(*(lane() for _ in range(row.at_once)))
            return done / (time.perf_counter() - began)

        await self._take(row, repeat)

    async def steps(self, row: Row, prepare: Callable[[Clock], Work]) -> None:
        """Count the steps in a period of time, with a constant number of open runs.

        If a slow machine does no step in this period, the period is made longer.
        """

        async def repeat() -> float:
            clock = Clock()
            run = prepare(clock)

            async def lane() -> None:
                while not clock.over:
                    await run()

            lanes = [asyncio.create_task(lane()) for _ in range(row.at_once)]
            await asyncio.sleep(self.options.seconds / 5)
            before, began = clock.steps, time.perf_counter()
            await asyncio.sleep(self.options.seconds)
            while clock.steps == before:  # noqa: ASYNC110 - a peer's clock has no event to wait for
                await asyncio.sleep(self.options.seconds)
            figure = (clock.steps - before) / (time.perf_counter() - began)
            clock.over = True
            await asyncio.gather(*lanes)
            return figure

        await self._take(row, repeat)

    async def _take(self, row: Row, repeat: Callable[[], Awaitable[float]]) -> None:
        if not self.wants(row.name):
            return
        self._wait_for_turn(row)
        await repeat()
        repeats, cpu, wall = [], 0.0, 0.0
        for _ in range(self.options.repeats):
            self._wait_for_turn(row)
            used, began = time.process_time(), time.perf_counter()
            repeats.append(await repeat())
            cpu += time.process_time() - used
            wall += time.perf_counter() - began
        figure = {
            "row": row.name,
            "peer": self.peer,
            "version": version(self.package),
            "store": row.store,
            "at_once": row.at_once,
            "figure": round(statistics.median(repeats), 1),
            "unit": UNITS[row.name],
            "repeats": [round(one, 1) for one in repeats],
            "uneven": row.uneven,
            "cores": round(cpu / wall, 2),
        }
        self._print(figure)

    def _wait_for_turn(self, row: Row) -> None:
        """Print the next work, and wait for the permission to continue."""
        if self.options.turns:
            self._print({"next": [row.name, row.store, row.at_once]})
            if not sys.stdin.readline():
                sys.exit("Nobody gives turns any more.")

    def _print(self, line: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
