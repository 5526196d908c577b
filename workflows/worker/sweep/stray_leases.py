"""Giving back runs that are leased to this worker though it does not hold them.

A database that fails between the lease and the load, or at a commit whose outcome nobody knows,
leaves such runs behind. Their leases would lapse, and each would count as a run that may have
crashed its worker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction

from workflows.models import WorkflowRun, database_now

T = TypeVar("T")

MAX_EXCUSES = 3


class StrayLeases:
    """Remembers that the database failed, and how often each run was given back for it.

    A run that is given back `MAX_EXCUSES` times without getting on may be the reason for the
    failures itself, so from then on its lease lapses and it is counted as any other.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._excuses: dict[UUID, int] = {}
        self.expected = False

    async def watch(self, call: Awaitable[T]) -> T:
        """Await what leases runs, or gives them back, and note if the database fails at it."""
        try:
            return await call
        except Exception as error:
            self.note(error)
            raise

    def note(self, error: BaseException) -> None:
        """Expect strays if the database went away."""
        if isinstance(error, (OperationalError, InterfaceError)):
            self.expected = True

    def got_on(self, run_id: UUID) -> None:
        """Note that an update of the run was stored."""
        self._excuses.pop(run_id, None)

    def give_back(self, holding: Collection[UUID]) -> None:
        """Running -> queued, for all that this worker has leased and that is not in `holding`.

        Synchronous: for the worker's database thread.
        """
        leased = WorkflowRun.objects.filter(status="running", lease_owner=self._owner)
        found = set(leased.values_list("pk", flat=True)).difference(holding)
        excused = [pk for pk in found if self._excuses.get(pk, 0) < MAX_EXCUSES]
        if not excused:
            return
        strays = leased.filter(pk__in=excused)
        with transaction.atomic():
            strays.lock_in_order()
            strays.update(status="queued", lease_owner="", wake_at=database_now())
        for pk in excused:
            self._excuses[pk] = self._excuses.get(pk, 0) + 1
