"""Reads several single values in one statement, each from as few rows as possible.

A page of the inbox needs a few counts, and every open page needs them anew after each change. The
ORM makes the conditions, so that the rule of what a person may see is in one place only. This
module adds the SQL around them. Building the SQL takes longer than executing it. So frequent
callers build it once for a `PermissionProfile`, and pass the user at each call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, connections, models
from django.db.models.expressions import RawSQL

from workflows.sql.prepared import Parameter

COUNT_LIMIT = 1000
"""The largest exact count. Nobody needs the difference between 8,000 and 9,000."""


@dataclass(frozen=True, slots=True)
class BoundedCount:
    """A number of rows, exact up to `most`. Above, only that there are more.

    The default of `most` is `COUNT_LIMIT`.
    """

    number: int = 0
    most: int | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.number > 0

    def __str__(self) -> str:
        return f"{self.number:,}" if self.is_exact else f"{self.most or COUNT_LIMIT:,}+"

    @property
    def is_exact(self) -> bool:
        """True if there are no more rows than the number says."""
        return self.number <= (self.most or COUNT_LIMIT)

    @property
    def exact(self) -> int | str:
        """The number, or an empty text if there are more rows."""
        return self.number if self.is_exact else ""


@dataclass(frozen=True, slots=True)
class ScalarQuery:
    """One value: SQL with its parameters, and the function that converts the result."""

    sql: str
    params: Sequence[Any] = ()
    read: Callable[[Any], Any] = lambda value: value


NOTHING = ScalarQuery("NULL")


def bounded_count(
    rows: models.QuerySet[Any], order: Sequence[str] = (), *, most: int | None = None
) -> ScalarQuery:
    """Count rows as a `BoundedCount`; the database stops at the first row above the limit.

    Give an `order` to choose an index, if the database would read all rows first otherwise.
    """
    try:
        sql, params = _compiled(rows.order_by(*order).values("pk")[: (most or COUNT_LIMIT) + 1])[:2]
    except EmptyResultSet:
        return ScalarQuery("0", read=BoundedCount)
    read = partial(BoundedCount, most=most)
    return ScalarQuery(f"SELECT COUNT(*) FROM ({sql}) AS counted", params, read)


def first_value(rows: models.QuerySet[Any], column: str) -> ScalarQuery:
    """Read a column of the first row; None if there is no row."""
    try:
        sql, params, compiler = _compiled(rows.values(column)[:1])
    except EmptyResultSet:
        return NOTHING
    converters = compiler.get_converters([one[0] for one in compiler.select])

    def read(value: Any) -> Any:
        return next(iter(compiler.apply_converters([[value]], converters)))[0]

    return ScalarQuery(sql, params, read)


def distinct_values(rows: models.QuerySet[Any], column: str) -> ScalarQuery:
    """List the distinct values of a text column, by a loose scan of its index."""
    rows = rows.order_by(column).values(column)
    try:
        start, params, _ = _compiled(rows[:1])
        beyond = rows.filter(**{f"{column}__gt": RawSQL("found.name", [])})
        jump, more, _ = _compiled(beyond[:1])
    except EmptyResultSet:
        return ScalarQuery("NULL", read=_names)
    listed = "string_agg(name, chr(10))"
    if connection.vendor != "postgresql":
        listed = "group_concat(name, char(10))"
    sql = (
        f"WITH RECURSIVE found(name) AS (SELECT ({start}) UNION ALL "
        f"SELECT ({jump}) FROM found WHERE name IS NOT NULL) SELECT {listed} FROM found"
    )
    return ScalarQuery(sql, [*params, *more], _names)


def fetch_scalars(scalars: Mapping[str, ScalarQuery], **values: Any) -> dict[str, Any]:
    """Return all values by name, read by one query. `values` are the values of parameters."""
    own = connections[connection.alias]
    params = [
        one.bind(values, own) if isinstance(one, Parameter) else one
        for scalar in scalars.values()
        for one in scalar.params
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'({one.sql})' for one in scalars.values())}", params)
        row = cursor.fetchone()
    return {name: scalars[name].read(value) for name, value in zip(scalars, row, strict=True)}


def _compiled(rows: models.QuerySet[Any]) -> tuple[str, Sequence[Any], Any]:
    compiler = rows.query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    return sql, params, compiler


def _names(value: str | None) -> list[str]:
    return sorted(value.split("\n")) if value else []
