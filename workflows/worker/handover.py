"""Takes over the runs that transactions of this process have leased to its worker.

A transaction that starts or answers a run asks for an offer. If it gets one, it leases the run,
and tells the worker after its commit. A new run is taken from memory. A run that waited is loaded
from its rows, because a waiting run uses no memory. If the process ends before it has taken a run
over, the lease ends and another worker continues the run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from workflows.engine import registry
from workflows.models import WorkflowRun
from workflows.realtime import publisher
from workflows.realtime.lease_offer import LeaseOffer
from workflows.worker.active_runs import ActiveRuns
from workflows.worker.commit import store
from workflows.worker.database_thread import DatabaseThread
from workflows.worker.loading import loader
from workflows.worker.loading.loader import LeasedRun

logger = logging.getLogger(__name__)


class Handover:
    """The leases that this worker offers, and the runs that it was given and has not begun.

    `begin` makes loaded runs active and begins their steps. `is_behind` is True while more runs
    may be ready than the worker has leased: then a new run waits its turn in the queue.
    """

    def __init__(
        self,
        owner: str,
        length: timedelta,
        active_runs: ActiveRuns,
        database: DatabaseThread,
        begin: Callable[[Sequence[LeasedRun]], None],
    ) -> None:
        self.is_behind = True
        self._offer = LeaseOffer(owner, length, active_runs.clock.now, self.take)
        self._active = active_runs
        self._database = database
        self._begin = begin
        self._given: dict[UUID, WorkflowRun | None] = {}
        self._wanted = asyncio.Event()

    def offer_lease(self, workflow: str) -> LeaseOffer | None:
        """Return an offer if this worker would lease a run of `workflow` now. For any thread."""
        capacity = self._active.capacity - len(self._given)
        return self._offer if capacity > 0 and not self.is_behind and workflow in registry else None

    def take(self, run_id: UUID, row: WorkflowRun | None) -> None:
        """Take over this run soon. `row` is that of a new run, None if it has to be loaded.

        The caller may be in the context of an HTTP request, so the run begins in `run`.
        """
        self._given[run_id] = row
        self._wanted.set()

    async def run(self) -> None:
        """Take runs over for ever. After an error, their leases end or are given back."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            given, self._given = self._given, {}
            try:
                await self._take_over(given)
            except Exception as error:
                logger.exception("Runs that were handed over could not be loaded.")
                self._active.strays.note(error)

    async def _take_over(self, given: dict[UUID, WorkflowRun | None]) -> None:
        unread = []
        for run_id, row in given.items():
            found = None if row is None else self._prepared(row)
            if found is not None:
                self._begin([found])
            else:
                unread.append(run_id)
        if not unread:
            return
        owner, capacity, now = self._offer.owner, self._active.capacity, self._active.clock.now()
        refused = unread[capacity:]
        if refused:
            await self._database.call(store.release, owner, refused)
        loaded = await self._database.call(loader.load_leased, owner, unread[:capacity], now)
        self._begin(loaded)
        if len(loaded) < len(unread):  # some were given back, for this or another worker
            await publisher.publish(runs=[], wake_worker=True)

    def _prepared(self, row: WorkflowRun) -> LeasedRun | None:
        """Return a new run if it may begin as it is, without a look at its row."""
        assert row.wake_at is not None
        if not self._active.capacity or row.wake_at <= self._active.clock.now():
            return None
        return loader.prepare_new(row)
