"""Writes and reads a whole batch of rows by one statement, whatever its size.

The ORM can set many rows to one value, or each row by a statement of its own. Building its
statements takes longer than the database needs to execute them. Here a batch is one JSON text that
the database reads as a table `new`. So the text of each statement is constant, with one parameter.
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
    """Insert rows with all their columns. The database may give the keys.

    A single row gets its key afterwards. Several rows do not, because the order of the returned
    keys is not defined.
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


def write_statement(*, savepoint: bool = True) -> AbstractContextManager[object]:
    """Run one writing statement in the block, with a transaction only if it needs one.

    SQLite needs one to wait in the queue of its writers. Within another transaction it is a
    savepoint, so that it may fail separately, unless `savepoint` is False. Otherwise the statement
    is a transaction itself, which saves two of three round trips.
    """
    alone = connection.features.has_select_for_update and not connection.in_atomic_block
    return nullcontext() if alone else transaction.atomic(savepoint=savepoint)


def execute(sql: str, model: type[models.Model], values: Iterable[dict[str, Any]]) -> list[Any]:
    """Run a statement over `json_table` with these rows, and return its result."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [to_json(model, values)])
        return cursor.fetchall() if cursor.description else []


def to_json(model: type[models.Model], values: Iterable[dict[str, Any]]) -> str:
    """Return rows as JSON. Values that are no columns of the model are not converted."""
    kinds, adapt = _kinds(model), connection.ops.adapt_datetimefield_value
    return json.dumps(
        [
            {name: _plain(kinds.get(name, ""), value, adapt) for name, value in one.items()}
            for one in values
        ]
    )


def fetch(model: type[M], values: Sequence[dict[str, Any]], condition: str) -> list[M]:
    """Return the rows that meet `condition` together with a row of `values`, named `new` in it."""
    if not values:
        return []
    names = tuple(values[0])
    return from_rows(
        model, execute(_fetch_sql(connection.vendor, model, names, condition), model, values)
    )


def from_rows(model: type[M], rows: Iterable[Sequence[Any]]) -> list[M]:
    """Make objects from rows that have all columns, in the order of the model's fields."""
    names = [field.attname for field in model._meta.concrete_fields]
    own = connections[connection.alias]  # each access by the proxy takes as long as a column
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
    """Return the converters of columns, as the ORM's compiler finds them."""
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
    """Return a column's value for the JSON text; JSON as a text, so that it is stored unchanged."""
    if value is None or kind == "":
        return value
    if kind == "json":
        return json.dumps(value, allow_nan=False)
    if kind == "uuid":
        return value.hex
    return str(adapt(value))


@cache
def _kinds(model: type[models.Model]) -> dict[str, str]:
    """Return the type of each column that needs a conversion: uuid, time or json, or nothing."""
    return {field.attname: _kind(field) for field in model._meta.concrete_fields}


def _kind(field: Any) -> str:
    kinds = {models.UUIDField: "uuid", models.DateTimeField: "time", models.JSONField: "json"}
    field = field.target_field if isinstance(field, models.ForeignKey) else field
    return next((kind for cls, kind in kinds.items() if isinstance(field, cls)), "")


@cache
def json_table(vendor: str, model: type[models.Model], names: tuple[str, ...]) -> str:
    """Return the SQL of the table `new`. Its columns have the types of the model, or are text."""
    if vendor != "postgresql":
        columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
        return f"(SELECT {columns} FROM json_each(%s)) AS new"
    kept = {field.attname: field.db_type(connection) for field in model._meta.concrete_fields}
    types = {name: kept.get(name, "text") for name in names}
    sent = ", ".join(f"{name} {'text' if of == 'json' else of}" for name, of in types.items())
    read = ", ".join(
        f"CAST({name} AS json) AS {name}" if of == "json" else name for name, of in types.items()
    )
    # PostgreSQL assumes a hundred rows in each JSON text, and then reads a whole table of thousands
    # of rows instead of using the key. With a LIMIT of unknown value it assumes ten.
    few = "LIMIT (SELECT 1000000000)"
    return f"(SELECT {read} FROM json_to_recordset(%s) AS sent ({sent}) {few}) AS new"


@cache
def inserted_columns(model: type[models.Model]) -> tuple[str, ...]:
    """Return the names of the columns that an INSERT sets."""
    return tuple(
        field.attname
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField)
    )


def row_values(row: models.Model) -> dict[str, Any]:
    """Return the values of this row for an INSERT."""
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
