"""Reads the deliveries that arrived for the active runs since the last poll."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from workflows.models import Delivery, WorkflowRun
from workflows.sql.json_rows import execute, fetch, json_table


class LeaseState(NamedTuple):
    """The `fence` and the number of deliveries of a run, as they are in its row."""

    fence: int
    delivery_count: int


@dataclass(slots=True)
class Mailbox:
    """The leases of active runs whose rows are still running, and their new deliveries."""

    leases: dict[UUID, LeaseState]
    deliveries: dict[UUID, list[Delivery]]


def fetch_mailbox(
    known: Mapping[UUID, int], reported: Collection[tuple[UUID, int, Any]]
) -> Mailbox:
    """Store progress, and read the leases and new deliveries of the active runs.

    `known` has the number of deliveries that the worker has read of each run. `reported` has ids,
    fences and progress.
    """
    for run_id, fence, progress in reported:
        WorkflowRun.objects.filter(pk=run_id, fence=fence).update(progress=progress)
    sql = _lease_sql(connection.vendor)
    leases = {
        pk if isinstance(pk, UUID) else UUID(pk): LeaseState(fence, count)
        for pk, fence, count, status in execute(sql, WorkflowRun, [{"id": pk} for pk in known])
        if status == "running"
    }
    behind = [pk for pk, lease in leases.items() if lease.delivery_count != known[pk]]
    return Mailbox(leases, deliveries_for(behind))


@cache
def _lease_sql(vendor: str) -> str:
    run = WorkflowRun._meta.db_table
    return (
        f"SELECT {run}.id, {run}.fence, {run}.delivery_count, {run}.status FROM {run}, "
        f"{json_table(vendor, WorkflowRun, ('id',))} WHERE {run}.id = new.id"
    )


def deliveries_for(ids: Collection[UUID]) -> dict[UUID, list[Delivery]]:
    """Return the pending deliveries of these runs, oldest first, without delayed answers."""
    found: dict[UUID, list[Delivery]] = defaultdict(list)
    for one in fetch(Delivery, [{"run_id": pk} for pk in ids], PENDING):
        found[one.run_id].append(one)
    return found


PENDING = """
    workflows_delivery.run_id = new.run_id AND applied_seq IS NULL AND not_before IS NULL
    ORDER BY workflows_delivery.id
"""
