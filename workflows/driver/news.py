"""What has reached the runs in hand since the last look, and the requests that are overdue."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.errors import DurableError
from workflows.models import Delivery, InputRequest, WorkflowRun, database_now

logger = logging.getLogger(__name__)


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
    """Return what is on its way to these runs, oldest first."""
    found: dict[UUID, list[Delivery]] = defaultdict(list)
    for one in Delivery.objects.filter(run__in=ids, applied_seq=None).order_by("pk"):
        found[one.run_id].append(one)
    return found


def expire_overdue(now: datetime) -> None:
    """Pending -> expired, for requests that nobody answered in time.

    Those of a blocked run stay as they are until it goes on, and stand in nobody's way.
    """
    overdue = InputRequest.objects.overdue(now).exclude(run__status="blocked")
    for request in overdue.select_related("run")[:100]:
        try:
            request.expire(now)
        except DurableError:
            logger.info("Request %s was answered just before it expired.", request.pk)
