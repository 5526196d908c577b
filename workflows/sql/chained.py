"""A chain of statements: each changes rows only if the statement before it changed a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import DataError, connection, models

from workflows.sql.json_rows import insert_sql_of, row_values, to_json

UNDONE = "the second statement of this chain changed no row"
FAIL_IF_UNDONE = f"""
    CAST(CASE WHEN EXISTS (SELECT 1 FROM statement0) AND NOT EXISTS (SELECT 1 FROM statement1)
        THEN '{UNDONE}' ELSE '0' END AS integer)
"""
"""Fails on PostgreSQL, as the text is no number. So the statement changes nothing."""


class Statement(NamedTuple):
    """An INSERT ... SELECT, UPDATE or DELETE whose text ends with its condition.

    `row` is the object that it inserts, which gets its key afterwards.
    """

    sql: str
    params: Sequence[Any]
    row: models.Model | None = None

    def set_key(self, key: int) -> None:
        """Set the key of the inserted object, and mark it as stored."""
        if self.row is not None:
            self.row.pk = key
            self.row._state.adding, self.row._state.db = False, connection.alias


def insert_statement(row: models.Model) -> Statement:
    """Return the INSERT of a row with all its columns; the database gives the key."""
    model = type(row)
    params = [to_json(model, [row_values(row)])]
    return Statement(insert_sql_of(connection.vendor, model), params, row)


def execute_chain(*statements: Statement) -> list[int]:
    """Run a chain of statements, and return the number of rows that each changed.

    Each runs only if the one before changed a row. If the first one changed a row and the second
    one did not, the chain is undone: the caller has to roll its transaction back. On PostgreSQL
    they are one statement, and so one round trip: each locks its rows before the next one searches
    for its rows, and a row that another transaction has changed meanwhile is checked again. There
    a chain outside a transaction undoes itself.
    """
    if connection.vendor == "postgresql":
        return _execute_together(statements)
    touched = [0] * len(statements)
    for number, statement in enumerate(statements):
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.params)
            touched[number] = cursor.rowcount
            if not touched[number]:
                break
            statement.set_key(cursor.lastrowid)
    return touched


def _execute_together(statements: Sequence[Statement]) -> list[int]:
    if connection.in_atomic_block or len(statements) == 1:
        return _execute(statements)
    try:
        return _execute(statements, FAIL_IF_UNDONE)
    except DataError as error:
        if UNDONE not in str(error):
            raise
        return [1, *[0] * (len(statements) - 1)]


def _execute(statements: Sequence[Statement], *checks: str) -> list[int]:
    tables, counts, keys = [], [], []
    for number, statement in enumerate(statements):
        name = f"statement{number}"
        after = f" AND EXISTS (SELECT 1 FROM statement{number - 1})" if number else ""
        tables.append(
            f"{name} AS ({statement.sql}{after} RETURNING {'id' if statement.row else 1})"
        )
        counts.append(f"(SELECT COUNT(*) FROM {name})")
        keys.append(f"(SELECT id FROM {name})" if statement.row else "NULL")
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {', '.join(tables)} SELECT {', '.join([*counts, *keys, *checks])}",
            [param for statement in statements for param in statement.params],
        )
        found = list(cursor.fetchone())
    for statement, key in zip(statements, found[len(statements) :], strict=False):
        if key is not None:
            statement.set_key(key)
    return found[: len(statements)]
