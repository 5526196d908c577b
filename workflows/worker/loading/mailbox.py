"""What has reached the runs in hand since the last look, and the requests that are overdue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from workflows.models import Delivery, WorkflowRun
from workflows.sql.json_rows import execute, fetch, source


class Standing(NamedTuple):
    """What tells the holder of a run whether it still is, and whether anything came."""

    fence: int
    inbox: int


@dataclass(slots=True)
class News:
    """What the rows say of the runs in hand that are still running, and what has come for them."""

    rows: dict[UUID, Standing]
    deliveries: dict[UUID, list[Delivery]]


def hear(held: Mapping[UUID, int], told: Collection[tuple[UUID, int, Any]]) -> News:
    """Write down progress, and read the news of the runs in hand.

    `held` is the inbox of each as the worker knows it; `told` are ids, fences and progress.
    """
    for run_id, fence, progress in told:
        WorkflowRun.objects.filter(pk=run_id, fence=fence).update(progress=progress)
    sql = _standing_sql(connection.vendor)
    rows = {
        pk if isinstance(pk, UUID) else UUID(pk): Standing(fence, inbox)
        for pk, fence, inbox, status in execute(sql, WorkflowRun, [{"id": pk} for pk in held])
        if status == "running"
    }
    behind = [pk for pk, row in rows.items() if row.inbox != held[pk]]
    return News(rows, deliveries_for(behind))


@cache
def _standing_sql(vendor: str) -> str:
    run = WorkflowRun._meta.db_table
    return (
        f"SELECT {run}.id, {run}.fence, {run}.inbox, {run}.status FROM {run}, "
        f"{source(vendor, WorkflowRun, ('id',))} WHERE {run}.id = new.id"
    )


def deliveries_for(ids: Collection[UUID]) -> dict[UUID, list[Delivery]]:
    """Return what is on its way to these runs, oldest first; not what may still be undone."""
    found: dict[UUID, list[Delivery]] = defaultdict(list)
    for one in fetch(Delivery, [{"run_id": pk} for pk in ids], ON_THE_WAY):
        found[one.run_id].append(one)
    return found


ON_THE_WAY = """
    workflows_delivery.run_id = new.run_id AND applied_seq IS NULL AND not_before IS NULL
    ORDER BY workflows_delivery.id
"""
