"""Pages of a long list by the key of their first or last row: no counting and no offset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from workflows.models import WorkflowRun
from workflows.models.runs import WorkflowRunQuerySet


@dataclass(frozen=True, slots=True)
class Cursor:
    """The key of a run in the order of the list, newest first."""

    created_at: datetime
    id: UUID

    def __str__(self) -> str:
        """Return what stands in an address."""
        return f"{self.created_at.isoformat()}_{self.id.hex}"

    @classmethod
    def of(cls, run: WorkflowRun) -> Self:
        """Return the key of `run`."""
        return cls(run.created_at, run.id)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the cursor that an address holds, None if it holds none or nonsense."""
        moment, _, key = text.partition("_")
        try:
            created_at, id = parse_datetime(moment), UUID(hex=key)
        except ValueError:
            return None
        return None if created_at is None or created_at.tzinfo is None else cls(created_at, id)


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first, and the queries of the pages beside it, empty where none is."""

    runs: list[WorkflowRun]
    newer: str
    older: str


def page_of(runs: WorkflowRunQuerySet, query: QueryDict, size: int) -> Page:
    """Return the page that `older=` or `newer=` of `query` names, the newest without. One query."""
    after, before = Cursor.read(query.get("newer", "")), Cursor.read(query.get("older", ""))
    if after is not None:
        # `lte` alone would do for the meaning; beside the pair it lets an index find the start.
        later = Q(created_at__gt=after.created_at) | Q(created_at=after.created_at, id__gt=after.id)
        rows = list(
            runs.filter(later, created_at__gte=after.created_at).order_by("created_at", "id")[
                : size + 1
            ]
        )
        found, more_newer, more_older = rows[:size][::-1], len(rows) > size, True
    else:
        if before is not None:
            earlier = Q(created_at__lt=before.created_at) | Q(
                created_at=before.created_at, id__lt=before.id
            )
            runs = runs.filter(earlier, created_at__lte=before.created_at)
        rows = list(runs.order_by("-created_at", "-id")[: size + 1])
        found, more_newer, more_older = rows[:size], before is not None, len(rows) > size
    if not found:
        return Page([], "", "")
    return Page(
        found,
        newer=_link(query, "newer", found[0]) if more_newer else "",
        older=_link(query, "older", found[-1]) if more_older else "",
    )


def _link(query: QueryDict, direction: str, run: WorkflowRun) -> str:
    link = query.copy()
    for name in ("newer", "older"):
        link.pop(name, None)
    link[direction] = str(Cursor.of(run))
    return link.urlencode()
