"""The worker: takes up runs that want one, and gives them back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from workflows.observability import metrics
from workflows.realtime import publisher
from workflows.realtime.outbox import MainLoop
from workflows.sql.lease_runs import LONGEST_LEASE
from workflows.sqlite3.wal import WriteAheadLog, truncate
from workflows.worker import code_versions
from workflows.worker.active_run import ALONE, LiveRun
from workflows.worker.commit import store
from workflows.worker.commit.group_commit import Commits
from workflows.worker.database_thread import DatabaseThread
from workflows.worker.heartbeat import Lease
from workflows.worker.loading import loader, mailbox
from workflows.worker.steps.kept_threads import no_calling_thread
from workflows.worker.steps.recipients import Recipients
from workflows.worker.steps.runner import begin_steps
from workflows.worker.steps.thread_slots import Slots
from workflows.worker.sweep import sweep
from workflows.worker.sweep.stray_leases import Strays
from workflows.worker.sweep.sweep import Survey

logger = logging.getLogger(__name__)

CAPACITY = 200  # runs in hand at once
SWEEP = 1.0  # seconds between looks when no bell rings
GRACE = 10.0  # seconds that running steps get when the worker drains


class Driver:
    """One worker of this process. `serve` for ever, or `run_until_idle` once.

    With `embedded` a start proves that the process before it is gone: whatever that one had
    leased is claimed at once.
    """

    def __init__(self, *, embedded: bool = False) -> None:
        self.id = f"{socket.gethostname()[:32]}-{os.getpid()}-{uuid4().hex[:8]}"
        self.embedded = embedded
        self.draining = False
        self.lives: dict[UUID, LiveRun] = {}
        self.lease = min(timedelta(seconds=settings.WORKER_LEASE_SECONDS), LONGEST_LEASE / 2)
        self.tell_time(datetime.now(UTC))
        self._due: datetime | None = None
        self._alone_since: float | None = None  # since when a suspect waits to be alone
        self._more = True  # whether the last claim may have left something behind
        self._until_idle = False
        self._swept_at = -SWEEP
        self._survey: Survey | None = None
        self._look_wanted = asyncio.Event()
        self._quiet = asyncio.Event()
        self._drained = asyncio.Event()
        self.slots = Slots()
        self.database = DatabaseThread()
        self.recipients = Recipients(self.database)
        self.strays = Strays(self.id)
        self._log = WriteAheadLog()
        self.commits = Commits(self)

    # Its life

    async def serve(self) -> None:
        """Drive runs until `drain` is called or the task is cancelled. No error ends it."""
        MainLoop.wake_worker = self.ring
        metrics.IN_HAND.set_function(lambda: len(self.lives))
        async with self._at_work():
            while not self.draining:
                more = await self._look_safely()
                if not more:
                    await self._wait_for_bell()
            await self._drained.wait()

    async def run_until_idle(self) -> None:
        """Drive whatever can move now, and return when nothing in hand or claimable is left."""
        self._until_idle = True
        async with self._at_work():
            while (more := await self._look()) or self.lives:
                if not more:
                    await self._wait_for_bell()

    async def drain(self) -> None:
        """Claim nothing more, let running steps end for a while, and give everything back."""
        self.draining = True
        self._look_wanted.set()
        for live in list(self.lives.values()):
            self.commits.add(live)
        await self._wait_for_quiet(GRACE)
        held = [(live.id, live.fence) for live in self.lives.values()]
        for live in list(self.lives.values()):
            self.drop(live)
        with contextlib.suppress(DatabaseError, InterfaceError):  # the leases lapse then
            await self.database.call(store.release, held)
        self._drained.set()

    def ring(self) -> None:
        """Look at the rows soon. Call it on the driver's loop."""
        self._look_wanted.set()

    async def _wait_for_quiet(self, seconds: float) -> None:
        """Wait until no run is in hand, at most so long."""
        self._quiet.clear()
        if not self.lives:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quiet.wait()

    @contextlib.asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        """Keep the store loop and the lease alive, and leave nothing running behind."""
        with no_calling_thread():  # steps have threads of their own, whoever runs the worker
            storing = asyncio.create_task(self.commits.run())
        lease = Lease(self.id, self.lives, self.lease)
        lease.start()
        try:
            await self.database.call(self._begin)
            with no_calling_thread():
                yield
        finally:
            for live in list(self.lives.values()):
                self.drop(live)
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)
            lease.stop()
            with contextlib.suppress(DatabaseError, InterfaceError):
                await self.database.call(code_versions.leave, self.id)
                await self.database.call(truncate)  # a log that nobody needs is not left behind
            await self.database.close()

    def _begin(self) -> None:
        try:
            code_versions.heartbeat(self.id, (), self.lease)
            if self.embedded:
                code_versions.succeed(self.id)
            code_versions.unblock_changed()
        except (DatabaseError, InterfaceError):
            logger.warning("The database is away; the sweep goes on trying.", exc_info=True)

    def now(self) -> datetime:
        """Return the database's time: what it was at the last look, and what has passed since.

        This machine's own clock may be wrong, and may be set at any moment.
        """
        moment, then = self._clock
        return moment + timedelta(seconds=time.monotonic() - then)

    def tell_time(self, moment: datetime) -> None:
        """Reckon from here on that it is `moment` now."""
        self._clock = (moment, time.monotonic())

    def wake_at(self, moment: datetime) -> None:
        """Look again at `moment`, when a run that was parked is due."""
        self._due = min(self._due or moment, moment)

    def drop(self, live: LiveRun) -> None:
        """Let go of a run: whatever its steps still do no longer counts."""
        self.lives.pop(live.id, None)
        self.commits.forget(live)
        for task in live.tasks:
            task.stop()
        if self._more and len(self.lives) <= CAPACITY // 2:
            self._look_wanted.set()
        if not self.lives:
            self._quiet.set()
            if self._until_idle or (self._survey is not None and self._survey.suspects):
                self._look_wanted.set()

    # Looking

    async def _wait_for_bell(self) -> None:
        pause = max(0.0, self._swept_at + SWEEP - time.monotonic())
        if self._due is not None:
            pause = min(pause, max(0.0, (self._due - self.now()).total_seconds()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._look_wanted.wait()

    async def _look_safely(self) -> bool:
        try:
            return await self._look()
        except Exception:
            logger.exception("Looking for runs failed; trying again in %s s.", SWEEP)
            await asyncio.sleep(SWEEP)
            return False

    async def _look(self) -> bool:
        """Expire, claim, and hear news of the runs in hand; True if more may be claimable.

        What changes seldom is read once a second only, however often the bell rings. Nothing is
        claimed if nobody rang, nothing is due here, and the sweep has found nothing.
        """
        wanted = self._is_look_wanted()
        self._look_wanted.clear()
        self._due, self._more = None, False
        survey = await self._sweep()
        if self.strays.expected:
            self.strays.expected = False  # before: a failure meanwhile is one more
            give_back = self.database.call(self.strays.give_back, list(self.lives))
            await self.strays.watch(give_back)
        await self.hear()
        if self.draining or any(live.is_alone for live in self.lives.values()):
            return False
        if not (wanted or survey.ready):
            return False
        if survey.suspects and await self._claim_suspect():
            return True
        room = CAPACITY - len(self.lives)
        claimed = await self._claim(room, suspects=False) if room > 0 else 0
        self._more = claimed == room
        return 0 < claimed == room

    def _is_look_wanted(self) -> bool:
        due = self._due is not None and self._due <= self.now()
        return due or self._more or self._until_idle or self._look_wanted.is_set()

    async def _sweep(self) -> Survey:
        """Look around, unless that was less than a second ago."""
        now = time.monotonic()
        if self._survey is None or now - self._swept_at >= SWEEP:
            self._swept_at = now
            known = self.now() if self._survey else None  # at first only the database knows
            self._survey = await self.database.call(sweep.survey, self.id, known, self._survey)
            self.tell_time(self._survey.now)
            await self.database.call(self._log.look)
            if not self._survey.suspects:
                self._alone_since = None
        return self._survey

    async def _claim(self, limit: int, *, suspects: bool) -> int:
        take = self.database.call(
            loader.take, self.id, limit=limit, lease=self.lease, holding=list(self.lives),
            suspects=suspects, fleet=self._survey.fleet if self._survey else None,
        )  # fmt: skip
        now, loaded, claimed = await self.strays.watch(take)
        if now is not None:
            self.tell_time(now)
        for one in loaded:
            live = LiveRun(self, one)
            self.lives[live.id] = live
            heard = bool(live.work)
            live.catch_up()
            begin_steps(live)  # the rows it was loaded from are what led to this
            if heard or not live.tasks:
                self.commits.add(live)
        return claimed

    async def _claim_suspect(self) -> bool:
        """Claim a run that took its worker down twice, alone: once nothing else is in hand.

        A step that takes long must not keep everybody waiting for that, so after a while the
        suspect is claimed beside it.
        """
        now = asyncio.get_running_loop().time()
        if self._alone_since is None:
            self._alone_since = now
        if self.lives and now - self._alone_since < ALONE:
            return False
        self._alone_since = None
        return await self._claim(1, suspects=True) > 0

    async def hear(self) -> None:
        """Read what reached the runs in hand, and drop those that changed hands."""
        if not self.lives:
            return
        reporting = [live for live in self.lives.values() if live.told_since_stored]
        told = [(live.id, live.fence, live.told) for live in reporting]
        for live in reporting:
            live.told_since_stored = False  # before: what a step reports meanwhile is news again
        held = {live.id: live.inbox for live in self.lives.values()}
        try:
            heard = await self.database.call(mailbox.hear, held, told)
        except BaseException:
            for live in reporting:
                live.told_since_stored = True
            raise
        for live in list(self.lives.values()):
            if live.id not in held:
                continue
            row = heard.rows.get(live.id)
            if row is None or row.fence != live.fence:
                self.drop(live)
                continue
            live.inbox = max(live.inbox, row.inbox)
            live.deliver(heard.deliveries.get(live.id, []))
            if live.work:
                self.commits.add(live)
        if told:
            await publisher.publish(runs=[one[0] for one in told])
