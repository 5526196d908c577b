"""SQL by hand: a whole batch in one statement, whatever its size.

The ORM can set many rows to one value, or each row by a statement of its own, and to build its
statements costs more than the database takes for them. Here a batch travels as one JSON text that
the database reads as a table, so each statement has one text and one parameter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from workflows.driver.write import Write
from workflows.models import Delivery, WorkflowRun

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
    found = _execute(_update_sql(connection.vendor), WorkflowRun, map(_values, writes))
    return {one if isinstance(one, UUID) else UUID(one) for (one,) in found}


def insert(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Insert rows whose columns are all there, but for a key that counts by itself."""
    if rows:
        names = _inserted(model)
        values = ({name: getattr(row, name) for name in names} for row in rows)
        _execute(_insert_sql(connection.vendor, model), model, values)


def mark_applied(applied: Iterable[tuple[int, int]]) -> None:
    """Say of each delivery at which `seq` its run took it in."""
    values = [{"id": pk, "applied_seq": seq} for pk, seq in applied]
    if values:
        _execute(_applied_sql(connection.vendor), Delivery, values)


def _execute(sql: str, model: type[models.Model], values: Iterable[dict[str, Any]]) -> list[Any]:
    kinds = _kinds(model)
    plain = [{name: _plain(kinds[name], value) for name, value in one.items()} for one in values]
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps(plain)])
        return cursor.fetchall() if cursor.description else []


def _plain(kind: str, value: Any) -> Any:
    """Return a column's value as it travels; JSON as a text, so that it is stored as written."""
    if value is None or kind == "":
        return value
    if kind == "json":
        return json.dumps(value, allow_nan=False)
    if kind == "uuid":
        return value.hex
    return str(connection.ops.adapt_datetimefield_value(value))


@cache
def _kinds(model: type[models.Model]) -> dict[str, str]:
    """Return by column what has to be written in a way of its own: uuid, time, json, or nothing."""
    return {field.attname: _kind(field) for field in model._meta.concrete_fields}


def _kind(field: Any) -> str:
    kinds = {models.UUIDField: "uuid", models.DateTimeField: "time", models.JSONField: "json"}
    field = field.target_field if isinstance(field, models.ForeignKey) else field
    return next((kind for cls, kind in kinds.items() if isinstance(field, cls)), "")


def _source(vendor: str, model: type[models.Model], names: Sequence[str]) -> str:
    """Return the batch as a table `new`, whose columns have the types of the model's."""
    if vendor != "postgresql":
        columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
        return f"(SELECT {columns} FROM json_each(%s)) AS new"
    fields = {field.attname: field for field in model._meta.concrete_fields}
    is_json = {name: _kind(fields[name]) == "json" for name in names}
    types = ", ".join(
        f"{name} {'text' if is_json[name] else fields[name].db_type(connection)}" for name in names
    )
    read = ", ".join(f"CAST({name} AS json) AS {name}" if is_json[name] else name for name in names)
    return f"(SELECT {read} FROM json_to_recordset(%s) AS sent ({types})) AS new"


def _inserted(model: type[models.Model]) -> list[str]:
    """Name the columns that an INSERT gives."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField)
    ]


@cache
def _insert_sql(vendor: str, model: type[models.Model]) -> str:
    names = _inserted(model)
    listed, source = ", ".join(names), _source(vendor, model, names)
    return f"INSERT INTO {model._meta.db_table} ({listed}) SELECT {listed} FROM {source}"


@cache
def _applied_sql(vendor: str) -> str:
    source = _source(vendor, Delivery, ("id", "applied_seq"))
    return (
        f"UPDATE {Delivery._meta.db_table} SET applied_seq = new.applied_seq FROM {source} "
        f"WHERE {Delivery._meta.db_table}.id = new.id"
    )


@cache
def _update_sql(vendor: str) -> str:
    run = WorkflowRun._meta.db_table
    source = _source(vendor, WorkflowRun, (*GUARDS, *STORED))
    sets = ", ".join(f"{name} = new.{name}" for name in STORED if name != "wake_at")
    return f"""
        UPDATE {run} SET {sets},
            takeovers = CASE WHEN new.seq > {run}.seq THEN 0 ELSE {run}.takeovers END,
            refusals = CASE WHEN new.seq > {run}.seq THEN '' ELSE {run}.refusals END,
            wake_at = CASE WHEN new.status = 'running' THEN {run}.wake_at ELSE new.wake_at END,
            lease_owner = CASE WHEN new.status = 'running' THEN {run}.lease_owner ELSE '' END
        FROM {source}
        WHERE {run}.id = new.id AND {run}.fence = new.fence AND {run}.status = 'running'
            AND (new.inbox = -1 OR {run}.inbox = new.inbox)
        RETURNING {run}.id
    """


def _values(write: Write) -> dict[str, Any]:
    given = {name: getattr(write, name) for name in STORED}
    inbox = -1 if write.inbox is None else write.inbox
    return {"id": write.run_id, "fence": write.fence, "inbox": inbox, **given}
