"""The worker: claims runs, begins their steps, and commits what came of many in one go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.db import DatabaseError, InterfaceError, close_old_connections

from workflows import announce
from workflows.driver import store
from workflows.driver.asking import ask
from workflows.driver.lease import Lease
from workflows.driver.live import LiveRun
from workflows.driver.thread import DatabaseThread
from workflows.driver.write import Write
from workflows.engine.execution import Attempt
from workflows.engine.state import Invocation

logger = logging.getLogger(__name__)

CAPACITY = 200  # runs in hand at once
SWEEP = 1.0  # seconds between looks when no bell rings
LEASE = timedelta(seconds=5)
GRACE = 10.0  # seconds that running steps get when the worker drains


class Driver:
    """One worker of this process. `serve` for ever, or `run_until_idle` once.

    With `embedded` a start proves that the process before it is gone: whatever that one had
    leased is claimed at once.
    """

    serving: ClassVar[Driver | None] = None  # the one that the bell rings in this process

    def __init__(self, *, embedded: bool = False) -> None:
        self.id = f"{socket.gethostname()[:32]}-{os.getpid()}-{uuid4().hex[:8]}"
        self.embedded = embedded
        self.draining = False
        self.lives: dict[UUID, LiveRun] = {}
        self._dirty: dict[UUID, LiveRun] = {}
        self._offset = timedelta(0)
        self._due: datetime | None = None
        self._alone = False  # a run that may kill its worker is in hand, or wanted
        self._look_wanted = asyncio.Event()
        self._store_wanted = asyncio.Event()
        self._quiet = asyncio.Event()
        self._database = DatabaseThread()

    # Its life

    async def serve(self) -> None:
        """Drive runs until `drain` is called or the task is cancelled. No error ends it."""
        Driver.serving = self
        async with self._at_work():
            while not self.draining:
                more = await self._look_safely()
                if not more:
                    await self._wait_for_bell()

    async def run_until_idle(self) -> None:
        """Drive whatever can move now, and return when nothing in hand or claimable is left."""
        async with self._at_work():
            while await self._look() or self.lives:
                await self._wait_for_quiet(SWEEP)

    async def drain(self) -> None:
        """Claim nothing more, let running steps end for a while, and give everything back."""
        self.draining = True
        self._look_wanted.set()
        for live in list(self.lives.values()):
            self.touch(live)
        await self._wait_for_quiet(GRACE)
        held = [(live.id, live.fence) for live in self.lives.values()]
        for live in list(self.lives.values()):
            self._drop(live)
        if held:
            await self._database.call(store.release, held)

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
        storing = asyncio.create_task(self._store_loop())
        lease = Lease(self.id, self.lives, LEASE)
        lease.start()
        try:
            await self._database.call(self._begin)
            yield
        finally:
            for live in list(self.lives.values()):
                self._drop(live)
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)
            lease.stop()
            with contextlib.suppress(DatabaseError, InterfaceError):
                await self._database.call(store.leave, self.id)
            await self._database.close()

    def _begin(self) -> None:
        try:
            store.heartbeat(self.id, (), LEASE)
            if self.embedded:
                store.void_leases()
            store.unblock_changed()
        except (DatabaseError, InterfaceError):
            logger.warning("The database is away; the sweep goes on trying.", exc_info=True)

    # Looking

    async def _wait_for_bell(self) -> None:
        pause = SWEEP
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
        """Expire, claim, and hear news of the runs in hand; True if more may be claimable."""
        self._look_wanted.clear()
        self._due = None
        await self._hear()
        room = 0 if self._alone else CAPACITY - len(self.lives)
        claimed = await self._claim(room, suspects=False) if room > 0 else 0
        if not claimed and not self.draining:
            claimed = await self._claim_suspect()
        return claimed > 0 and (claimed == room or self._alone)

    async def _claim(self, limit: int, *, suspects: bool) -> int:
        now, loaded, claimed = await self._database.call(
            store.take, self.id, limit=limit, lease=LEASE, holding=list(self.lives),
            suspects=suspects,
        )  # fmt: skip
        self._offset = now - datetime.now(UTC)
        for one in loaded:
            live = LiveRun(self, one)
            self.lives[live.id] = live
            if not live.work:
                self._begin_steps(live)  # the rows it was loaded from are what led to this
            if not live.tasks:
                self.touch(live)
        return claimed

    async def _claim_suspect(self) -> int:
        """Claim a run that took its worker down twice, once nothing else is in hand."""
        if not self._alone and not await self._database.call(store.any_suspect):
            return 0
        self._alone = True
        if self.lives:
            return 0
        claimed = await self._claim(1, suspects=True)
        if not claimed:
            self._alone = False
        return claimed

    async def _hear(self) -> None:
        """Read what reached the runs in hand, and drop those that changed hands."""
        told = [
            (live.id, live.fence, live.told)
            for live in self.lives.values()
            if live.told_since_stored
        ]
        held = {live.id: live.inbox for live in self.lives.values()}
        news = await self._database.call(store.hear, held, told, self.now())
        for run_id in [one[0] for one in told]:
            if run_id in self.lives:
                self.lives[run_id].told_since_stored = False
        for live in list(self.lives.values()):
            if live.id not in held:
                continue
            row = news.rows.get(live.id)
            if row is None or row.fence != live.fence:
                self._drop(live)
                continue
            live.inbox = max(live.inbox, row.inbox)
            live.deliver(news.deliveries.get(live.id, []))
            if live.work:
                self.touch(live)
        if told:
            await announce.send(runs=[one[0] for one in told])

    # Working

    def now(self) -> datetime:
        """Return the database's time, as far as the last look knows it."""
        return datetime.now(UTC) + self._offset

    def touch(self, live: LiveRun) -> None:
        """Store this run soon."""
        if self.lives.get(live.id) is live:
            self._dirty[live.id] = live
            self._store_wanted.set()

    def _begin_steps(self, live: LiveRun) -> None:
        """Begin what the run may do now. All that led to it has been committed."""
        self._ask_handler(live)
        if self.draining:
            return
        for invocation in live.machine.take(self.now()):
            self._spawn(live, self._attempt(live, invocation))

    async def _attempt(self, live: LiveRun, invocation: Invocation) -> None:
        attempt = Attempt(
            live.machine, invocation, live, self.now, with_connections,
            on_late_end=lambda: self.touch(live),
        )  # fmt: skip
        await attempt.run()
        live.work.append(attempt.settle)
        self.touch(live)

    def _ask_handler(self, live: LiveRun) -> None:
        if live.machine.workflow.input_handler is None or live.machine.state.ended:
            return
        for request_id in live.machine.unasked():
            if request_id not in live.asked:
                live.asked.add(request_id)
                live.asking.add(request_id)
                self._spawn(live, ask(self, live, request_id, self._database))

    def _spawn(self, live: LiveRun, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        live.tasks.add(task)
        task.add_done_callback(live.tasks.discard)

    def _drop(self, live: LiveRun) -> None:
        """Let go of a run: whatever its steps still do no longer counts."""
        self.lives.pop(live.id, None)
        self._dirty.pop(live.id, None)
        for task in live.tasks:
            task.cancel()
        if not self.lives:
            self._alone = False
            self._look_wanted.set()
            self._quiet.set()

    # Storing

    async def _store_loop(self) -> None:
        while True:
            await self._store_wanted.wait()
            self._store_wanted.clear()
            batch = list(self._dirty.values())
            self._dirty.clear()
            try:
                if batch:
                    await self._store_batch(batch)
            except Exception:
                logger.exception("A commit failed; its runs are loaded again.")
                for live in batch:
                    self._drop(live)

    async def _store_batch(self, batch: list[LiveRun]) -> None:
        """Commit what these runs came to, tell the pages, and begin what follows."""
        gathered: list[tuple[LiveRun, Write]] = []
        for live in batch:
            try:
                gathered.append((live, live.gather(self.now())))
            except Exception as error:
                await self._spoil(live, f"Run {live.id} cannot be stored: {error!r}")
        stored = await self._database.call(store.store, [write for _, write in gathered])
        for live, write in gathered:
            if write.run_id in stored.done:
                self._committed(live, write)
            elif write.run_id in stored.spoiled:
                await self._spoil(live, stored.spoiled[write.run_id])
            else:
                self.touch(live)  # an answer came meanwhile, or it changed hands
        refused = [live for live, write in gathered if write.run_id not in stored.done]
        if refused:
            await self._hear()
        done = [write for _, write in gathered if write.run_id in stored.done]
        await announce.send(
            runs=[write.run_id for write in done], inbox=any(write.changes_inbox for write in done)
        )

    def _committed(self, live: LiveRun, write: Write) -> None:
        live.stored(write)
        if not write.parks:
            self._begin_steps(live)
            return
        if write.wake_at is not None and not self.draining:
            self._due = min(self._due or write.wake_at, write.wake_at)
        self._drop(live)

    async def _spoil(self, live: LiveRun, reason: str) -> None:
        """Block a run that cannot be stored, so that it is not tried for ever."""
        with contextlib.suppress(DatabaseError, InterfaceError):
            await self._database.call(store.block, live.row, reason)
        self._drop(live)


def with_connections(function: Callable[[], Any]) -> Any:
    """Call a `def` step with a sound database connection, and leave none behind."""
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()
