"""The worker: leases runs that are ready, runs them, and gives them back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from workflows.observability import metrics
from workflows.realtime.outbox import MainLoop
from workflows.sql.lease_runs import MAX_LEASE
from workflows.sqlite3.wal import WriteAheadLog, truncate
from workflows.worker import code_versions, heartbeat
from workflows.worker.active_run import ISOLATION_TIMEOUT, ActiveRun
from workflows.worker.active_runs import MAX_ACTIVE_RUNS, ActiveRuns
from workflows.worker.commit import store
from workflows.worker.commit.run_update import RunUpdate
from workflows.worker.database_thread import DatabaseThread
from workflows.worker.group_commit import GroupCommit
from workflows.worker.handover import Handover
from workflows.worker.loading import loader
from workflows.worker.steps.reused_threads import no_calling_thread
from workflows.worker.steps.runner import StepRunner
from workflows.worker.sweep import sweep
from workflows.worker.sweep.sweep import SweepResult

logger = logging.getLogger(__name__)

SWEEP_INTERVAL = 1.0  # seconds between polls when no wake-up comes
GRACE_PERIOD = 10.0  # seconds that running steps get when the worker drains


class Worker:
    """One worker of this process. Call `serve` to run for ever, or `run_until_idle` once.

    In the `embedded` mode the process before this one has ended when this one starts. So the
    worker takes over all its leases at once.
    """

    def __init__(self, *, embedded: bool = False) -> None:
        self.id = f"{socket.gethostname()[:32]}-{os.getpid()}-{uuid4().hex[:8]}"
        self.embedded = embedded
        self.lease = min(timedelta(seconds=settings.WORKER_LEASE_SECONDS), MAX_LEASE / 2)
        self.database = DatabaseThread()
        self.active = ActiveRuns(self.id, self.database, self._on_drop)
        self.commit = GroupCommit(self.active, self.database, self._on_committed)
        self.runner = StepRunner(self.active, self.commit, self.database, self.wake)
        self.handover = Handover(self.id, self.lease, self.active, self.database, self._begin_runs)
        self._due: datetime | None = None  # when the next suspended run has to continue
        self._isolation_since: float | None = None  # since when a poison run waits for isolation
        self._more = True  # whether more runs may be ready than were leased last
        self._until_idle = False
        self._swept_at = -SWEEP_INTERVAL
        self._swept: SweepResult | None = None
        self._poll_wanted = asyncio.Event()
        self._drained = asyncio.Event()
        self._log = WriteAheadLog()

    async def serve(self) -> None:
        """Run workflows until `drain` is called or the task is cancelled. No error ends it."""
        MainLoop.wake_worker, MainLoop.offer_lease = self.wake, self.handover.offer_lease
        metrics.ACTIVE_RUNS.set_function(lambda: len(self.active.runs))
        try:
            async with self._at_work():
                while not self.active.draining:
                    more = await self._poll_safely()
                    if not more:
                        await self._wait_for_wakeup()
                await self._drained.wait()
        finally:
            MainLoop.offer_lease = None

    async def run_until_idle(self) -> None:
        """Run all runs that are ready now, and return when none is active or ready."""
        self._until_idle = True
        async with self._at_work():
            while (more := await self._poll()) or self.active.runs:
                if not more:
                    await self._wait_for_wakeup()

    async def drain(self) -> None:
        """Lease no more runs, wait `GRACE_PERIOD` for running steps, and give all runs back."""
        self.active.draining = True
        self._poll_wanted.set()
        for run in list(self.active.runs.values()):
            self.commit.add(run)
        await self.active.wait_until_idle(GRACE_PERIOD)
        self.active.drop_all()
        with contextlib.suppress(DatabaseError, InterfaceError):  # then the leases end
            await self.database.call(store.release, self.id)
        self._drained.set()

    def wake(self) -> None:
        """Poll the rows soon. Call it on the worker's loop."""
        self._poll_wanted.set()

    @contextlib.asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        """Run the group commit and the renewal of leases during the block; stop them afterwards."""
        with no_calling_thread():  # steps never use the thread that runs the worker
            tasks = [asyncio.create_task(one.run()) for one in (self.commit, self.handover)]
        leases = heartbeat.LeaseRenewer(self.id, self.active.runs, self.lease)
        leases.start()
        try:
            await self.database.call(self._begin)
            with no_calling_thread():
                yield
        finally:
            self.active.drop_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            leases.stop()
            with contextlib.suppress(DatabaseError, InterfaceError):
                await self.database.call(heartbeat.remove, self.id)
                await self.database.call(truncate)  # so that the write-ahead log is empty
            await self.database.close()

    def _begin(self) -> None:
        try:
            heartbeat.beat(self.id, (), self.lease)
            if self.embedded:
                heartbeat.replace_previous(self.id)
            code_versions.unblock_changed()
        except (DatabaseError, InterfaceError):
            logger.warning("The database is unavailable; the sweep tries again.", exc_info=True)

    # Callbacks of the parts of the worker

    def _on_committed(self, run: ActiveRun, update: RunUpdate) -> None:
        """Begin the next steps of a stored run, or drop it if it was suspended or has ended."""
        if not update.suspends:
            self.runner.begin_steps(run)
            return
        if update.wake_at is not None and not self.active.draining:
            self._due = min(self._due or update.wake_at, update.wake_at)
        self.active.drop(run)

    def _on_drop(self) -> None:
        """Poll if there is capacity for more runs now, or for a run that has to be alone."""
        active = len(self.active.runs)
        if self._more and active <= MAX_ACTIVE_RUNS // 2:
            self._poll_wanted.set()
        if not active and (self._until_idle or (self._swept is not None and self._swept.poison)):
            self._poll_wanted.set()

    # Polling

    async def _wait_for_wakeup(self) -> None:
        pause = max(0.0, self._swept_at + SWEEP_INTERVAL - time.monotonic())
        if self._due is not None:
            pause = min(pause, max(0.0, (self._due - self.active.clock.now()).total_seconds()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._poll_wanted.wait()

    async def _poll_safely(self) -> bool:
        try:
            return await self._poll()
        except Exception:
            logger.exception("Looking for runs failed; trying again in %s s.", SWEEP_INTERVAL)
            await asyncio.sleep(SWEEP_INTERVAL)
            return False

    async def _poll(self) -> bool:
        """Sweep, read new deliveries of active runs, and lease runs; True if more may be ready.

        Data that seldom changes is read only once a second, by the sweep. Runs are leased only if
        a wake-up came, a suspended run is due, or the sweep has found a run.
        """
        wanted = self._is_poll_wanted()
        self._poll_wanted.clear()
        self._due, self._more = None, False
        swept = await self._sweep()
        strays = self.active.strays
        if strays.expected:
            strays.expected = False  # before the call: another failure sets it again
            await strays.watch(self.database.call(strays.give_back, list(self.active.runs)))
        await self.active.fetch_mailbox()
        if self.active.draining or self.active.is_isolated:
            return False
        if not (wanted or swept.ready):
            return False
        if swept.poison and await self._lease_poison_run():
            return True
        free = self.active.capacity
        leased = await self._lease_runs(free, poison=False) if free else 0
        self._more = self.handover.is_behind = leased == free
        return 0 < leased == free

    def _is_poll_wanted(self) -> bool:
        due = self._due is not None and self._due <= self.active.clock.now()
        return due or self._more or self._until_idle or self._poll_wanted.is_set()

    async def _sweep(self) -> SweepResult:
        """Sweep, unless that was less than a second ago."""
        now = time.monotonic()
        if self._swept is None or now - self._swept_at >= SWEEP_INTERVAL:
            self._swept_at = now
            # Before the first sweep the worker does not know the database's time.
            known = self.active.clock.now() if self._swept else None
            self._swept = await self.database.call(sweep.run_sweep, self.id, known, self._swept)
            self.active.clock.set(self._swept.now)
            await self.database.call(self._log.check)
            if not self._swept.poison:
                self._isolation_since = None
        return self._swept

    async def _lease_runs(self, limit: int, *, poison: bool) -> int:
        leasing = self.database.call(
            loader.lease_and_load, self.id, limit=limit, duration=self.lease,
            holding=list(self.active.runs), poison=poison,
            builds=self._swept.builds if self._swept else None,
        )  # fmt: skip
        now, loaded, leased = await self.active.strays.watch(leasing)
        if now is not None:
            self.active.clock.set(now)
        self._begin_runs(loaded)
        return leased

    def _begin_runs(self, loaded: Sequence[loader.LeasedRun]) -> None:
        """Make leased runs active, and begin their steps."""
        for one in loaded:
            if one.row.pk in self.active.runs:
                continue  # it was handed over and leased again at the same time
            run = self.activate(one)
            has_input = bool(run.work)
            run.catch_up()
            self.runner.begin_steps(run)  # all of its state was loaded from committed rows
            if has_input or not run.tasks:
                self.commit.add(run)

    def activate(self, leased: loader.LeasedRun) -> ActiveRun:
        """Make a leased run active and return it. No step has begun yet."""
        run = ActiveRun(leased, self.active.clock.now, self.commit.add)
        self.active.add(run)
        return run

    async def _lease_poison_run(self) -> bool:
        """Lease one run that crashed its worker twice, when no other run is active.

        After `ISOLATION_TIMEOUT` it is leased although others are active, so that a long step does
        not delay it for ever.
        """
        now = asyncio.get_running_loop().time()
        if self._isolation_since is None:
            self._isolation_since = now
        if self.active.runs and now - self._isolation_since < ISOLATION_TIMEOUT:
            return False
        self._isolation_since = None
        return await self._lease_runs(1, poison=True) > 0
