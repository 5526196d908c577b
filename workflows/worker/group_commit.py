"""Group commit: updates of many runs are stored in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from workflows.realtime import publisher
from workflows.worker.active_run import ActiveRun
from workflows.worker.active_runs import ActiveRuns
from workflows.worker.commit import store, telemetry
from workflows.worker.commit.run_update import RunUpdate
from workflows.worker.database_thread import DatabaseThread

logger = logging.getLogger(__name__)


class GroupCommit:
    """The runs that have something to store. During one commit the next batch is collected.

    `on_committed` is called for each run of a batch that was stored.
    """

    def __init__(
        self,
        active_runs: ActiveRuns,
        database: DatabaseThread,
        on_committed: Callable[[ActiveRun, RunUpdate], None],
    ) -> None:
        self._active = active_runs
        self._database = database
        self._on_committed = on_committed
        self._waiting: dict[UUID, ActiveRun] = {}
        self._wanted = asyncio.Event()

    def add(self, run: ActiveRun) -> None:
        """Store this run soon, if it is still active."""
        if self._active.runs.get(run.id) is run:
            self._waiting[run.id] = run
            self._wanted.set()

    async def run(self) -> None:
        """Commit batches for ever. If a commit fails, its runs are dropped and loaded again."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(0)  # steps that end at once get into this commit
            self._wanted.clear()
            active = self._active.runs
            batch = [run for run in self._waiting.values() if active.get(run.id) is run]
            self._waiting.clear()
            try:
                if batch:
                    await self._commit(batch)
            except Exception as error:
                logger.exception("A commit failed; its runs are loaded again.")
                self._active.strays.note(error)
                for run in batch:
                    self._active.drop(run)

    async def _commit(self, batch: list[ActiveRun]) -> None:
        """Store these runs, begin their next steps, and publish that they changed."""
        built = await self._build_updates(batch)
        updates = [update for _, update in built]
        stored = await self._database.call(store.store, updates)
        for run, update in built:
            if update.run_id in stored.done:
                run.stored(update)
                self._active.strays.got_on(run.id)
                telemetry.record(run.row.workflow, update)
                self._on_committed(run, update)
            elif update.run_id in stored.failed:
                await self._block_run(run, stored.failed[update.run_id])
            else:
                self.add(run)  # a delivery came meanwhile, or another worker has the run
        done = [update for update in updates if update.run_id in stored.done]
        # Before the next query, because that may fail and these are committed.
        await publisher.publish(
            runs=[update.run_id for update in done],
            added=[request.pk for update in done for request in update.requests],
            requests_of=[update.run_id for update in done if update.changes_requests],
        )
        if len(done) != len(updates):
            await self._active.fetch_mailbox()

    async def _build_updates(self, batch: list[ActiveRun]) -> list[tuple[ActiveRun, RunUpdate]]:
        now, draining, built = self._active.clock.now, self._active.draining, []
        for run in batch:
            try:
                built.append((run, run.build_update(now(), draining=draining)))
            except Exception as error:
                about = {"run_id": run.id}
                logger.exception("Run %s cannot be stored.", run.id, extra=about)
                await self._block_run(run, f"Run {run.id} cannot be stored: {error!r}")
        return built

    async def _block_run(self, run: ActiveRun, reason: str) -> None:
        """Block a run that cannot be stored, so that it is not tried again for ever."""
        with contextlib.suppress(DatabaseError, InterfaceError):
            await self._database.call(store.block, run.row, reason)
        self._active.drop(run)
