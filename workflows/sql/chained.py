"""Statements that go together: each changes something only if the one before has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection, models

from workflows.sql.json_rows import as_text, insertion_of, values_of


class Turn(NamedTuple):
    """An INSERT ... SELECT, UPDATE or DELETE whose text ends with its condition.

    An inserted `row` learns its key.
    """

    sql: str
    params: Sequence[Any]
    row: models.Model | None = None

    def done(self, key: int) -> None:
        """Say of the row that it is stored."""
        if self.row is not None:
            self.row.pk = key
            self.row._state.adding, self.row._state.db = False, connection.alias


def addition(row: models.Model) -> Turn:
    """Return what inserts a row whose columns are all there, but for its key, which counts."""
    model = type(row)
    params = [as_text(model, [values_of(row)])]
    return Turn(insertion_of(connection.vendor, model), params, row)


def in_turn(*turns: Turn) -> list[int]:
    """Run these, each only if the one before touched a row, and say how many rows each touched.

    In the caller's transaction, which has to end if that is not what they wanted. On PostgreSQL
    they are one statement, and so one journey: each locks its rows before the next looks for its
    own, and a row that somebody else has changed meanwhile is looked at again.
    """
    if connection.vendor == "postgresql":
        return _at_once(turns)
    touched = [0] * len(turns)
    for number, turn in enumerate(turns):
        with connection.cursor() as cursor:
            cursor.execute(turn.sql, turn.params)
            touched[number] = cursor.rowcount
            if not touched[number]:
                break
            turn.done(cursor.lastrowid)
    return touched


def _at_once(turns: Sequence[Turn]) -> list[int]:
    tables, counts, keys = [], [], []
    for number, turn in enumerate(turns):
        name = f"turn{number}"
        after = f" AND EXISTS (SELECT 1 FROM turn{number - 1})" if number else ""
        tables.append(f"{name} AS ({turn.sql}{after} RETURNING {'id' if turn.row else 1})")
        counts.append(f"(SELECT COUNT(*) FROM {name})")
        keys.append(f"(SELECT id FROM {name})" if turn.row else "NULL")
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {', '.join(tables)} SELECT {', '.join(counts + keys)}",
            [param for turn in turns for param in turn.params],
        )
        found = list(cursor.fetchone())
    for turn, key in zip(turns, found[len(turns) :], strict=True):
        if key is not None:
            turn.done(key)
    return found[: len(turns)]
