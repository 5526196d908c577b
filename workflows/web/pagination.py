"""Keyset pagination: a page of a long list begins after a row, not at an offset.

Pages by offset repeat or skip rows while others are answered. Nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict

from workflows.models import WorkflowRun
from workflows.models.runs.queryset import WorkflowRunQuerySet


@dataclass(frozen=True, slots=True)
class PageCursor:
    """The last row of the page before, in an order by a moment and then by id."""

    at: datetime
    id: UUID

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None for anything else, which means the first page."""
        moment, _, key = text.partition("_")
        try:
            at, found = datetime.fromisoformat(moment), UUID(key)
            # In UTC, as it will be compared: the first and last day have hours beyond the calendar.
            return cls(at.astimezone(UTC), found) if at.tzinfo else None
        except (ValueError, OverflowError):
            return None

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.id}"

    def after(self, column: str) -> Q:
        """Rows after this one, where `column` and id ascend."""
        return self._beyond(column, "gt")

    def before(self, column: str) -> Q:
        """Rows after this one, where `column` and id descend."""
        return self._beyond(column, "lt")

    def _beyond(self, column: str, way: str) -> Q:
        beyond = Q(**{f"{column}__{way}": self.at}) | Q(**{column: self.at, f"id__{way}": self.id})
        # Adds nothing to the meaning, but lets an index find the start.
        return Q(**{f"{column}__{way}e": self.at}) & beyond


@dataclass(frozen=True, slots=True)
class RunListPage:
    """Some runs, newest first, and the queries of the pages beside it, empty where none is."""

    runs: list[WorkflowRun]
    newer: str
    older: str

    @property
    def has_other_pages(self) -> bool:
        """Whether there is a newer or an older page."""
        return bool(self.newer or self.older)


def page_of_runs(runs: WorkflowRunQuerySet, query: QueryDict, size: int) -> RunListPage:
    """Return the page that `older=` or `newer=` of `query` names, the newest without. One query."""
    newer, older = (
        PageCursor.parse(query.get("newer", "")),
        PageCursor.parse(query.get("older", "")),
    )
    if newer is not None:
        ascending = runs.filter(newer.after("created_at")).order_by("created_at", "id")
        rows = list(ascending[: size + 1])
        found, more_newer, more_older = rows[:size][::-1], len(rows) > size, True
    else:
        if older is not None:
            runs = runs.filter(older.before("created_at"))
        rows = list(runs.order_by("-created_at", "-id")[: size + 1])
        found, more_newer, more_older = rows[:size], older is not None, len(rows) > size
    if not found:
        return RunListPage([], "", "")
    return RunListPage(
        found,
        newer=_link(query, "newer", found[0]) if more_newer else "",
        older=_link(query, "older", found[-1]) if more_older else "",
    )


def _link(query: QueryDict, direction: str, run: WorkflowRun) -> str:
    link = query.copy()
    for name in ("newer", "older"):
        link.pop(name, None)
    link[direction] = str(PageCursor(run.created_at, run.id))
    return link.urlencode()
