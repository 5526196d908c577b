"""What a commit changes of rows that are there, for all of its runs in one statement each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection

from workflows.driver.write import Write
from workflows.models import Delivery, WorkflowRun
from workflows.models.batch import execute, source

STORED = (
    "status",
    "seq",
    "snapshot_seq",
    "signature",
    "wake_at",
    "finished_at",
    "result",
    "error",
    "progress",
)
GUARDS = ("id", "fence", "inbox")


def update_runs(writes: Sequence[Write]) -> set[UUID]:
    """Store the row of each write that still holds its fence, and return their ids.

    A run that goes on keeps the end of its lease as it is: another thread renews it.
    """
    found = execute(_update_sql(connection.vendor), WorkflowRun, map(_values, writes))
    return {one if isinstance(one, UUID) else UUID(one) for (one,) in found}


def mark_applied(applied: Iterable[tuple[int, int]]) -> None:
    """Say of each delivery at which `seq` its run took it in."""
    values = [{"id": pk, "applied_seq": seq} for pk, seq in applied]
    if values:
        execute(_applied_sql(connection.vendor), Delivery, values)


@cache
def _applied_sql(vendor: str) -> str:
    sent = source(vendor, Delivery, ("id", "applied_seq"))
    return (
        f"UPDATE {Delivery._meta.db_table} SET applied_seq = new.applied_seq FROM {sent} "
        f"WHERE {Delivery._meta.db_table}.id = new.id"
    )


@cache
def _update_sql(vendor: str) -> str:
    run = WorkflowRun._meta.db_table
    sent = source(vendor, WorkflowRun, (*GUARDS, *STORED))
    sets = ", ".join(f"{name} = new.{name}" for name in STORED if name != "wake_at")
    return f"""
        UPDATE {run} SET {sets},
            takeovers = CASE WHEN new.seq > {run}.seq THEN 0 ELSE {run}.takeovers END,
            refusals = CASE WHEN new.seq > {run}.seq THEN '' ELSE {run}.refusals END,
            wake_at = CASE WHEN new.status = 'running' THEN {run}.wake_at ELSE new.wake_at END,
            lease_owner = CASE WHEN new.status = 'running' THEN {run}.lease_owner ELSE '' END
        FROM {sent}
        WHERE {run}.id = new.id AND {run}.fence = new.fence AND {run}.status = 'running'
            AND (new.inbox = -1 OR {run}.inbox = new.inbox)
        RETURNING {run}.id
    """


def _values(write: Write) -> dict[str, Any]:
    given = {name: getattr(write, name) for name in STORED}
    inbox = -1 if write.inbox is None else write.inbox
    return {"id": write.run_id, "fence": write.fence, "inbox": inbox, **given}
