"""The runs that this worker has leased and loaded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from uuid import UUID

from workflows.realtime import publisher
from workflows.worker.active_run import ActiveRun
from workflows.worker.clock import DatabaseClock
from workflows.worker.database_thread import DatabaseThread
from workflows.worker.loading import mailbox
from workflows.worker.sweep.stray_leases import StrayLeases

MAX_ACTIVE_RUNS = 200


class ActiveRuns:
    """The active runs by id, and the state that all parts of the worker share.

    `clock` is the database's time. `strays` finds leases of runs that are not active. While
    the worker is `draining` no step begins, and a run whose steps have ended is given back.
    """

    def __init__(self, owner: str, database: DatabaseThread, on_drop: Callable[[], None]) -> None:
        self.runs: dict[UUID, ActiveRun] = {}
        self.clock = DatabaseClock()
        self.strays = StrayLeases(owner)
        self.draining = False
        self._database = database
        self._on_drop = on_drop
        self._idle = asyncio.Event()

    def add(self, run: ActiveRun) -> None:
        """Make a run active."""
        self.runs[run.id] = run

    def drop(self, run: ActiveRun) -> None:
        """Make a run inactive: later results of its steps are ignored."""
        self.runs.pop(run.id, None)
        for task in run.tasks:
            task.stop()
        if not self.runs:
            self._idle.set()
        self._on_drop()

    def drop_all(self) -> None:
        """Make all runs inactive."""
        for run in list(self.runs.values()):
            self.drop(run)

    @property
    def is_isolated(self) -> bool:
        """Return True if an active poison run forbids leasing other runs."""
        return any(run.is_isolated for run in list(self.runs.values()))

    @property
    def capacity(self) -> int:
        """The number of runs that may be leased at the moment. Any thread may read it."""
        if self.draining or self.is_isolated:
            return 0
        return max(0, MAX_ACTIVE_RUNS - len(self.runs))

    async def wait_until_idle(self, seconds: float) -> None:
        """Wait until no run is active, at most this number of seconds."""
        self._idle.clear()
        if not self.runs:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def fetch_mailbox(self) -> None:
        """Store reported progress, read new deliveries, and drop runs whose lease was lost."""
        if not self.runs:
            return
        reporting = [run for run in self.runs.values() if run.progress_dirty]
        reported = [(run.id, run.fence, run.reported) for run in reporting]
        for run in reporting:
            run.progress_dirty = False  # before the call: a step may report more during it
        known = {run.id: run.delivery_count for run in self.runs.values()}
        try:
            found = await self._database.call(mailbox.fetch_mailbox, known, reported)
        except BaseException:
            for run in reporting:
                run.progress_dirty = True
            raise
        for run in list(self.runs.values()):
            if run.id not in known:
                continue
            lease = found.leases.get(run.id)
            if lease is None or lease.fence != run.fence:
                self.drop(run)
                continue
            run.delivery_count = max(run.delivery_count, lease.delivery_count)
            run.deliver(found.deliveries.get(run.id, []))
            if run.work:
                run.on_change(run)
        if reported:
            await publisher.publish(runs=[one[0] for one in reported])
