"""Statements that go together: each changes something only if the one before has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, models

from workflows.sql.json_rows import insert_sql_of, row_values, to_json


class Statement(NamedTuple):
    """An INSERT ... SELECT, UPDATE or DELETE whose text ends with its condition.

    An inserted `row` learns its key.
    """

    sql: str
    params: Sequence[Any]
    row: models.Model | None = None

    def set_key(self, key: int) -> None:
        """Say of the row that it is stored."""
        if self.row is not None:
            self.row.pk = key
            self.row._state.adding, self.row._state.db = False, connection.alias


def insert_statement(row: models.Model) -> Statement:
    """Return what inserts a row whose columns are all there, but for its key, which counts."""
    model = type(row)
    params = [to_json(model, [row_values(row)])]
    return Statement(insert_sql_of(connection.vendor, model), params, row)


def execute_chain(*statements: Statement) -> list[int]:
    """Run these, each only if the one before touched a row, and say how many rows each touched.

    In the caller's transaction, which has to end if that is not what they wanted. On PostgreSQL
    they are one statement, and so one journey: each locks its rows before the next looks for its
    own, and a row that somebody else has changed meanwhile is looked at again.
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
            f"WITH {', '.join(tables)} SELECT {', '.join(counts + keys)}",
            [param for statement in statements for param in statement.params],
        )
        found = list(cursor.fetchone())
    for statement, key in zip(statements, found[len(statements) :], strict=True):
        if key is not None:
            statement.set_key(key)
    return found[: len(statements)]
