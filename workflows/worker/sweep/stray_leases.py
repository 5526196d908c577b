"""Gives back runs that are leased to this worker although they are not active on it.

This happens if the database fails between leasing and loading, or during a commit whose outcome is
unknown. Without this module the leases would end, and the `crash_count` of each run would grow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError

from workflows.models import WorkflowRun
from workflows.worker.commit import store

T = TypeVar("T")

MAX_EXCUSES = 3


class StrayLeases:
    """Remembers that the database failed, and how often each run was given back because of it.

    A run that was given back `MAX_EXCUSES` times without progress may be the cause of the failures.
    From then on its lease ends and its `crash_count` grows.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._excuses: dict[UUID, int] = {}
        self.expected = False

    async def watch(self, call: Awaitable[T]) -> T:
        """Await a call that leases runs or gives them back, and note an error of the database."""
        try:
            return await call
        except Exception as error:
            self.note(error)
            raise

    def note(self, error: BaseException) -> None:
        """Expect stray leases if the error says that the database failed."""
        if isinstance(error, (OperationalError, InterfaceError)):
            self.expected = True

    def got_on(self, run_id: UUID) -> None:
        """Note that an update of the run was stored."""
        self._excuses.pop(run_id, None)

    def give_back(self, holding: Collection[UUID]) -> None:
        """Running -> queued, for all runs leased to this worker that are not in `holding`.

        Synchronous: for the worker's database thread.
        """
        leased = WorkflowRun.objects.filter(status="running", lease_owner=self._owner)
        found = set(leased.values_list("pk", flat=True)).difference(holding)
        excused = [pk for pk in found if self._excuses.get(pk, 0) < MAX_EXCUSES]
        if not excused:
            return
        store.release(self._owner, excused)
        for pk in excused:
            self._excuses[pk] = self._excuses.get(pk, 0) + 1
