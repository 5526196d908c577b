"""SQL by hand: many run rows in one UPDATE, each by its own fence.

The ORM can set many rows to one value, or each row by a statement of its own. A batch needs each
row set to its own values in one statement, and told which rows it really touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from workflows.driver.write import Write
from workflows.models import WorkflowRun

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
    columns, run = (*GUARDS, *STORED), WorkflowRun._meta.db_table
    row = "(" + ", ".join(["%s"] * len(columns)) + ")"
    sets = ", ".join(f"{name} = {_cast(name)}" for name in STORED if name != "wake_at")
    sql = f"""
        WITH new ({", ".join(columns)}) AS (VALUES {", ".join([row] * len(writes))})
        UPDATE {run} SET {sets},
            takeovers = CASE WHEN new.seq > {run}.seq THEN 0 ELSE {run}.takeovers END,
            refusals = CASE WHEN new.seq > {run}.seq THEN '' ELSE {run}.refusals END,
            wake_at = CASE WHEN new.status = 'running' THEN {run}.wake_at
                ELSE {_cast("wake_at")} END,
            lease_owner = CASE WHEN new.status = 'running' THEN {run}.lease_owner ELSE '' END
        FROM new
        WHERE {run}.id = {_cast("id")} AND {run}.fence = new.fence AND {run}.status = 'running'
            AND (new.inbox = -1 OR {run}.inbox = new.inbox)
        RETURNING {run}.id
    """
    values: list[Any] = []
    for write in writes:
        values.extend(_values(write))
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {_as_uuid(found[0]) for found in cursor.fetchall()}


def _values(write: Write) -> list[Any]:
    given = {name: getattr(write, "run_id" if name == "id" else name) for name in _names()}
    given["inbox"] = -1 if write.inbox is None else write.inbox
    given["status"] = str(write.status)
    return [_prepare(name, value) for name, value in given.items()]


def _names() -> tuple[str, ...]:
    return (*GUARDS, *STORED)


def _prepare(name: str, value: Any) -> Any:
    return _field(name).get_db_prep_save(value, connection)


def _cast(name: str) -> str:
    """Name the new value; PostgreSQL takes a column of nulls for text unless told otherwise."""
    if connection.vendor != "postgresql":
        return f"new.{name}"
    return f"CAST(new.{name} AS {_field(name).db_type(connection)})"


def _field(name: str) -> Any:
    return WorkflowRun._meta.get_field(name)


def _as_uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
