"""SQL by hand: a whole batch in one statement, whatever its size.

The ORM can set many rows to one value, or each row by a statement of its own, and to build its
statements costs more than the database takes for them. Here a batch travels as one JSON text that
the database reads as a table `new`, so each statement has one text and one parameter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.db import connection, connections, models, transaction

M = TypeVar("M", bound=models.Model)


def bulk_insert(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Insert rows whose columns are all there, but for a key that counts by itself.

    One row learns its key; of several, nobody can say which is whose.
    """
    if not rows:
        return
    counts = isinstance(model._meta.pk, models.AutoField) and len(rows) == 1
    sql = insert_sql_of(connection.vendor, model) + (" RETURNING id" if counts else "")
    keys = execute(sql, model, map(row_values, rows))
    alias = connection.alias
    for row in rows:
        row._state.adding, row._state.db = False, alias
    if counts:
        rows[0].pk = keys[0][0]


def write_statement() -> AbstractContextManager[object]:
    """Let one statement write: in a transaction only where it needs one.

    On SQLite, to stand in line for its one writer; within another transaction, as a part of it
    that may fail alone. Elsewhere a statement is a transaction, at a third of the journeys.
    """
    alone = connection.features.has_select_for_update and not connection.in_atomic_block
    return nullcontext() if alone else transaction.atomic()


def execute(sql: str, model: type[models.Model], values: Iterable[dict[str, Any]]) -> list[Any]:
    """Run a statement over `json_table` with these rows, and return what it returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [to_json(model, values)])
        return cursor.fetchall() if cursor.description else []


def to_json(model: type[models.Model], values: Iterable[dict[str, Any]]) -> str:
    """Return rows as they travel. What is no column of the model travels as it is."""
    kinds, adapt = _kinds(model), connection.ops.adapt_datetimefield_value
    return json.dumps(
        [
            {name: _plain(kinds.get(name, ""), value, adapt) for name, value in one.items()}
            for one in values
        ]
    )


def fetch(model: type[M], values: Sequence[dict[str, Any]], condition: str) -> list[M]:
    """Return the rows that meet `condition` beside one of `values`, which it calls `new`."""
    if not values:
        return []
    names = tuple(values[0])
    return from_rows(
        model, execute(_fetch_sql(connection.vendor, model, names, condition), model, values)
    )


def from_rows(model: type[M], rows: Iterable[Sequence[Any]]) -> list[M]:
    """Build objects of rows that have every column, in the order of the model's fields."""
    names = [field.attname for field in model._meta.concrete_fields]
    own = connections[connection.alias]  # each look through the proxy costs as much as a column
    converters = _converters(own.vendor, model)
    found = []
    for row in rows:
        columns = list(row)
        for place, column, converter in converters:
            columns[place] = converter(columns[place], column, own)
        found.append(model.from_db(own.alias, names, columns))
    return found


@cache
def _converters(vendor: str, model: type[models.Model]) -> list[tuple[int, Any, Any]]:
    """Return what makes values of columns, as the ORM's compiler finds it."""
    columns = [field.get_col(model._meta.db_table) for field in model._meta.concrete_fields]
    return [
        (place, column, converter)
        for place, column in enumerate(columns)
        for converter in (
            *connection.ops.get_db_converters(column),
            *column.get_db_converters(connection),
        )
    ]


@cache
def _fetch_sql(vendor: str, model: type[models.Model], names: Sequence[str], condition: str) -> str:
    table = model._meta.db_table
    columns = ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)
    return f"SELECT {columns} FROM {table}, {json_table(vendor, model, names)} WHERE {condition}"


def _plain(kind: str, value: Any, adapt: Callable[[datetime], Any]) -> Any:
    """Return a column's value as it travels; JSON as a text, so that it is stored as written."""
    if value is None or kind == "":
        return value
    if kind == "json":
        return json.dumps(value, allow_nan=False)
    if kind == "uuid":
        return value.hex
    return str(adapt(value))


@cache
def _kinds(model: type[models.Model]) -> dict[str, str]:
    """Return by column what has to be written in a way of its own: uuid, time, json, or nothing."""
    return {field.attname: _kind(field) for field in model._meta.concrete_fields}


def _kind(field: Any) -> str:
    kinds = {models.UUIDField: "uuid", models.DateTimeField: "time", models.JSONField: "json"}
    field = field.target_field if isinstance(field, models.ForeignKey) else field
    return next((kind for cls, kind in kinds.items() if isinstance(field, cls)), "")


@cache
def json_table(vendor: str, model: type[models.Model], names: tuple[str, ...]) -> str:
    """Return the batch as a table `new`. Its columns have the types of the model's, or are text."""
    if vendor != "postgresql":
        columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
        return f"(SELECT {columns} FROM json_each(%s)) AS new"
    kept = {field.attname: field.db_type(connection) for field in model._meta.concrete_fields}
    types = {name: kept.get(name, "text") for name in names}
    sent = ", ".join(f"{name} {'text' if of == 'json' else of}" for name, of in types.items())
    read = ", ".join(
        f"CAST({name} AS json) AS {name}" if of == "json" else name for name, of in types.items()
    )
    # PostgreSQL reckons with a hundred rows in any JSON, and would rather go through a whole table
    # of thousands than find so many by key. With a limit that it cannot know it reckons with ten.
    few = "LIMIT (SELECT 1000000000)"
    return f"(SELECT {read} FROM json_to_recordset(%s) AS sent ({sent}) {few}) AS new"


@cache
def inserted_columns(model: type[models.Model]) -> tuple[str, ...]:
    """Name the columns that an INSERT gives."""
    return tuple(
        field.attname
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField)
    )


def row_values(row: models.Model) -> dict[str, Any]:
    """Return what an INSERT gives of this row."""
    return {name: getattr(row, name) for name in inserted_columns(type(row))}


@cache
def insert_sql(model: type[models.Model]) -> str:
    """Return an INSERT of the rows of `{new}` that meet the condition `{kept}`."""
    listed = ", ".join(inserted_columns(model))
    return (
        f"INSERT INTO {model._meta.db_table} ({listed}) SELECT {listed} FROM {{new}} WHERE {{kept}}"
    )


@cache
def insert_sql_of(vendor: str, model: type[models.Model]) -> str:
    """Return an INSERT of all rows of a batch."""
    return insert_sql(model).format(
        new=json_table(vendor, model, inserted_columns(model)), kept="TRUE"
    )
