"""What has reached the runs in hand since the last look, and the requests that are overdue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.models import Delivery, WorkflowRun, database_now


@dataclass(slots=True)
class News:
    """What the rows say of the runs in hand: their fence and inbox, and what has come for them.

    `now` is the database's time before it was read.
    """

    now: datetime
    rows: dict[UUID, WorkflowRun]
    deliveries: dict[UUID, list[Delivery]]


def hear(held: Mapping[UUID, int], told: Collection[tuple[UUID, int, Any]]) -> News:
    """Write down progress, and read the news of the runs in hand.

    `held` is the inbox of each as the worker knows it; `told` are ids, fences and progress.
    """
    now = database_now()
    for run_id, fence, progress in told:
        WorkflowRun.objects.filter(pk=run_id, fence=fence).update(progress=progress)
    rows = WorkflowRun.objects.filter(pk__in=list(held), status="running").only("fence", "inbox")
    found = {row.pk: row for row in rows}
    behind = [pk for pk, row in found.items() if row.inbox != held[pk]]
    return News(now, found, deliveries_for(behind) if behind else {})


def deliveries_for(ids: Collection[UUID]) -> dict[UUID, list[Delivery]]:
    """Return what is on its way to these runs, oldest first; not what may still be undone."""
    found: dict[UUID, list[Delivery]] = defaultdict(list)
    waiting = Delivery.objects.filter(run__in=ids, applied_seq=None, not_before=None)
    for one in waiting.order_by("pk"):
        found[one.run_id].append(one)
    return found
