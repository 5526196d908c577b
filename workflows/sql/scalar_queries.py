"""Several figures in one statement, none of which reads more rows than it has to.

A page of the inbox needs a handful of them, whatever waits, and every open page needs them anew
with each change. The conditions are the ORM's own, so that what a person may know of is still
said in one place; only what stands around them is written here. To write them takes longer than
to run them, so whoever asks often keeps them, made for a `PermissionProfile`, and names the user
then.
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
"""As far as anything is counted: nobody works with the difference between 8,000 and 9,000."""


@dataclass(frozen=True, slots=True)
class BoundedCount:
    """How many there are, if that is at most `most`; else only that there are more.

    Without a `most` it is `COUNT_LIMIT`.
    """

    number: int = 0
    most: int | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.number > 0

    def __str__(self) -> str:
        most = self.most or COUNT_LIMIT
        return f"{most:,}+" if self.number > most else f"{self.number:,}"


@dataclass(frozen=True, slots=True)
class ScalarQuery:
    """One value: SQL with its parameters, and what makes the value of what the database gives."""

    sql: str
    params: Sequence[Any] = ()
    read: Callable[[Any], Any] = lambda value: value


NOTHING = ScalarQuery("NULL")


def bounded_count(
    rows: models.QuerySet[Any], order: Sequence[str] = (), *, most: int | None = None
) -> ScalarQuery:
    """Count rows as a `BoundedCount`; the database stops at the first that is too many.

    An `order` names the index to walk through, where the database would rather collect all first.
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
    """List the values of a text column, by jumping in its index from each to the next."""
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
    """Return each value by its name: one query. `values` fill the parameters in them."""
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
