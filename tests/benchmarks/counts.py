"""What one durable cycle takes: commits, statements, and hops from one thread to another.

Unlike times, these numbers do not depend on the machine. A cycle starts a run, answers its request
and waits for its end. The figure is the fewest of some cycles, because a sweep adds to others.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from tests.benchmarks.peers.figures import OURS, Figure, print_line
from tests.benchmarks.peers.measure import Bench
from tests.benchmarks.site import open_site

CYCLES = 20
AIMS = {
    "sqlite": {"commits": 4.0, "statements": 16.0, "thread hops": 10.0},
    "postgresql": {"commits": 4.0, "statements": 7.0, "thread hops": 10.0},
}
NOTES = {
    "commits": "transactions that wrote something.",
    "statements": "without BEGIN and COMMIT.",
    "thread hops": "calls from one thread into another; two of them bring results to this script.",
}
WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")


class Activity:
    """Notes what all threads of this process do, from `watch` on."""

    def __init__(self) -> None:
        self._noted: list[str] = []  # appending needs no lock
        self._written: set[int] = set()  # connections whose transaction has written

    def watch(self) -> None:
        """Note statements and commits of connections made from now on, and hops."""
        connection_created.connect(self._watch_connection, weak=False)
        wrap(BaseDatabaseWrapper, "commit", self._before_commit)
        wrap(ThreadPoolExecutor, "submit", lambda executor: self._note("thread hops"))
        wrap(asyncio.BaseEventLoop, "call_soon_threadsafe", self._before_call)

    def counted(self) -> Counter[str]:
        """Return what was noted since the last call."""
        found = Counter(self._noted)
        self._noted.clear()
        return found

    def _note(self, name: str) -> None:
        self._noted.append(name)

    def _watch_connection(self, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(self._execute)

    def _execute(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        verb = sql.split(None, 1)[0].upper()
        if verb != "BEGIN":
            self._note("statements")
        if verb in WRITES:
            connection = context["connection"]
            if connection.in_atomic_block:
                self._written.add(id(connection))
            else:
                self._note("commits")
        return execute(sql, params, many, context)

    def _before_commit(self, connection: BaseDatabaseWrapper) -> None:
        if id(connection) in self._written:
            self._written.discard(id(connection))
            self._note("commits")

    def _before_call(self, loop: Any) -> None:
        if loop._thread_id != threading.get_ident():
            self._note("thread hops")


def wrap(owner: type, name: str, before: Callable[[Any], None]) -> None:
    """Call `before` with the object before each call of this method."""
    real = getattr(owner, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        before(self)
        return real(self, *args, **kwargs)

    setattr(owner, name, method)


async def measure() -> list[Counter[str]]:
    """Return the counts of some cycles, one after the other."""
    activity = Activity()
    activity.watch()
    async with open_site() as site:
        await site.cycle()  # it also makes the connections
        found = []
        for _ in range(CYCLES):
            activity.counted()
            await site.cycle()
            await asyncio.sleep(0)  # the person's thread has ended its call
            found.append(activity.counted())
    return found


def main() -> None:
    """Measure what BENCH_STORE names: sqlite or postgresql."""
    Bench(OURS, "Django")  # reads the command line
    store = os.environ["BENCH_STORE"]
    found = asyncio.run(measure())
    for name, aim in AIMS[store].items():
        counts = [float(one[name]) for one in found]
        print_line(
            Figure(
                row=f"{name} a cycle",
                peer=OURS,
                version="",
                store=store,
                at_once=1,
                figure=min(counts),
                unit="count",
                repeats=counts,
                aim=aim,
                note=NOTES[name],
            )
        )
