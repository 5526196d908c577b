"""Group commit: what came of many runs is stored in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from workflows.realtime import publisher
from workflows.worker.commit import store, telemetry
from workflows.worker.commit.run_update import Write
from workflows.worker.steps.runner import begin_steps

if TYPE_CHECKING:
    from workflows.worker.active_run import LiveRun
    from workflows.worker.worker import Driver

logger = logging.getLogger(__name__)


class Commits:
    """The runs that have something to store. While one batch commits, the next one gathers."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._waiting: dict[UUID, LiveRun] = {}
        self._wanted = asyncio.Event()

    def add(self, live: LiveRun) -> None:
        """Store this run soon, if it is still in hand."""
        if self._driver.lives.get(live.id) is live:
            self._waiting[live.id] = live
            self._wanted.set()

    def forget(self, live: LiveRun) -> None:
        """Store nothing more of this run."""
        self._waiting.pop(live.id, None)

    async def run(self) -> None:
        """Commit batches for ever. After a failure its runs are dropped, to be loaded again."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(0)  # steps that end at once share the commit of what led to them
            self._wanted.clear()
            batch = list(self._waiting.values())
            self._waiting.clear()
            try:
                if batch:
                    await self._commit(batch)
            except Exception as error:
                logger.exception("A commit failed; its runs are loaded again.")
                self._driver.strays.note(error)
                for live in batch:
                    self._driver.drop(live)

    async def _commit(self, batch: list[LiveRun]) -> None:
        """Store these runs, begin what follows, and tell the pages."""
        gathered = await self._gather(batch)
        writes = [write for _, write in gathered]
        stored = await self._driver.database.call(store.store, writes)
        for live, write in gathered:
            if write.run_id in stored.done:
                self._committed(live, write)
            elif write.run_id in stored.spoiled:
                await self._spoil(live, stored.spoiled[write.run_id])
            else:
                self.add(live)  # an answer came meanwhile, or the run changed hands
        done = [write for write in writes if write.run_id in stored.done]
        # First: these are committed, whatever becomes of the next look.
        await publisher.publish(
            runs=[write.run_id for write in done], inbox=any(write.changes_inbox for write in done)
        )
        if len(done) != len(writes):
            await self._driver.hear()

    async def _gather(self, batch: list[LiveRun]) -> list[tuple[LiveRun, Write]]:
        gathered = []
        for live in batch:
            try:
                gathered.append((live, live.gather(self._driver.now())))
            except Exception as error:
                said = {"run_id": live.id}
                logger.exception("Run %s cannot be written down.", live.id, extra=said)
                await self._spoil(live, f"Run {live.id} cannot be written down: {error!r}")
        return gathered

    def _committed(self, live: LiveRun, write: Write) -> None:
        live.stored(write)
        self._driver.strays.got_on(live.id)
        telemetry.tell(live, write)
        if not write.parks:
            begin_steps(live)
            return
        if write.wake_at is not None and not self._driver.draining:
            self._driver.wake_at(write.wake_at)
        self._driver.drop(live)

    async def _spoil(self, live: LiveRun, reason: str) -> None:
        """Block a run that cannot be stored, so that it is not tried for ever."""
        with contextlib.suppress(DatabaseError, InterfaceError):
            await self._driver.database.call(store.block, live.row, reason)
        self._driver.drop(live)
