"""Pages of a long list by the key of their first or last row: no counting and no offset."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict

from workflows.models import WorkflowRun
from workflows.models.runs.queryset import WorkflowRunQuerySet
from workflows.web.pagination import Cursor


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first, and the queries of the pages beside it, empty where none is."""

    runs: list[WorkflowRun]
    newer: str
    older: str


def page_of(runs: WorkflowRunQuerySet, query: QueryDict, size: int) -> Page:
    """Return the page that `older=` or `newer=` of `query` names, the newest without. One query."""
    after, before = Cursor.parse(query.get("newer", "")), Cursor.parse(query.get("older", ""))
    if after is not None:
        newer = runs.filter(after.later("created_at")).order_by("created_at", "id")
        rows = list(newer[: size + 1])
        found, more_newer, more_older = rows[:size][::-1], len(rows) > size, True
    else:
        if before is not None:
            runs = runs.filter(before.earlier("created_at"))
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
    link[direction] = str(Cursor(run.created_at, run.id))
    return link.urlencode()
