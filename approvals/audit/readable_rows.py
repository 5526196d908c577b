"""Reads rows that SQL may have made unreadable, such as an invalid time or a text as a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from django.db import DatabaseError
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def readable(rows: QuerySet[M]) -> list[tuple[Any, M | None]]:
    """Return the key of each of these rows, and the row, or None if it cannot be read."""
    try:
        return [(row.pk, row) for row in rows]
    except (ValueError, DatabaseError):  # one of the rows is unreadable
        return [(key, _one(rows.model, key)) for key in rows.values_list("pk", flat=True)]


def in_pages(rows: QuerySet[M], size: int) -> Iterator[list[tuple[Any, M | None]]]:
    """Yield the same of many rows in the order of their keys, `size` at a time."""
    ordered = rows.order_by("pk")
    page = readable(ordered[:size])
    while page:
        yield page
        page = readable(ordered.filter(pk__gt=page[-1][0])[:size])


def _one(model: type[M], key: Any) -> M | None:
    try:
        return model._base_manager.get(pk=key)
    except (ValueError, DatabaseError):
        return None
