"""Lists the distinct values of several columns, by a loose scan of the index of these columns.

`SELECT DISTINCT` would read all rows. A loose scan jumps in the index from one value to the next.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import Model


def distinct_rows(
    model: type[Model], columns: Sequence[str], condition: str
) -> list[tuple[str, ...]]:
    """Return the different values of `columns` in the rows that meet the SQL `condition`.

    An index of the columns with this condition has to exist. The columns are not null.
    """
    table, key = model._meta.db_table, model._meta.pk.column
    order = ", ".join(columns)
    start = f"SELECT {key} FROM {table} WHERE {condition} ORDER BY {order} LIMIT 1"
    jumps = ", ".join(
        f"(SELECT {key} FROM {table} WHERE {condition} AND {_later(columns[:size])}"
        f" ORDER BY {order} LIMIT 1)"
        for size in range(len(columns), 0, -1)
    )
    sql = (
        f"WITH RECURSIVE found({key}) AS (SELECT ({start}) UNION ALL "
        f"SELECT COALESCE({jumps}) FROM found JOIN {table} AS one USING ({key})) "
        f"SELECT {order} FROM found JOIN {table} USING ({key})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def _later(columns: Sequence[str]) -> str:
    """Return the condition that the last column is greater than in `one`, the others equal."""
    *same, last = columns
    return " AND ".join([*(f"{name} = one.{name}" for name in same), f"{last} > one.{last}"])
