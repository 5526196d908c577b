"""What the journal says, without what it carries: enough to draw a run, small enough to re-read.

An entry may hold whole events. A page that is read again every second asks the database for the
few figures inside them instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from workflows.models import InputRequest, JournalEntry, WorkflowRun
from workflows.web.answer_labels import by_whom

MAX_ROWS = 5000
"""Entries that are drawn; of a longer history the latest."""

_TEXTS = {
    "by": KT("data__by"),
    "source": KT("data__source"),
    "request_id": Coalesce(KT("data__request_id"), Value(""), output_field=TextField()),
    "due": KT("data__due"),
    "error": KT("data__error__message"),
}

LABELS = {
    "started": "Started",
    "step_completed": "Completed",
    "collected": "Added to the events that the step collects",
    "answered": "Answered",
    "declined": "Left to reviewers by the input handler",
    "expired": "Nobody answered in time",
    "discarded": "An answer came too late",
    "completed": "The run completed",
    "cancelled": "Cancelled",
    "paused": "Paused",
    "resumed": "Resumed",
    "reasked": "Asked again with the current code",
    "reopened": "Retried after the failure",
    "blocked": "Blocked: its code is not compatible",
    "unblocked": "Unblocked",
}


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One transition. `at` is the end of the work that took `duration` seconds.

    `begun` are the steps whose invocations this transition began, once for each, and `ids` the
    numbers of these invocations; `invocation` is the one that it is about itself. `due` is when an
    attempt that failed is followed by the next one, `error` its message.
    """

    seq: int
    kind: str
    at: datetime
    step: str = ""
    duration: float | None = None
    attempt: int = 1
    begun: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    invocation: int = 0
    due: datetime | None = None
    by: str = ""
    source: str = ""
    request_id: str = ""
    error: str = ""

    @property
    def start(self) -> datetime:
        """When the work began, or `at` for a transition that is no work."""
        return self.at - timedelta(seconds=self.duration or 0)

    @property
    def description(self) -> str:
        """What happened, in words."""
        match self.kind:
            case "step_retried":
                text = f": {self.error}" if self.error else ""
                return f"Attempt {self.attempt} failed and will be retried{text}"
            case "failed":
                return f"Failed: {self.error}" if self.error else "Failed"
            case "step_completed" if self.attempt > 1:
                return f"Completed, at attempt {self.attempt}"
        return LABELS.get(self.kind, self.kind)

    @property
    def actor(self) -> str:
        """Who it came from: "alice", what stands for a person, or nobody."""
        if self.by or self.source not in ("handler", "deadline"):
            return self.by
        return by_whom("", self.source).removeprefix("by ")

    @property
    def is_retry(self) -> bool:
        """Whether this attempt failed and another one follows."""
        return self.kind == "step_retried"


def journal_rows(
    run_id: UUID,
    *,
    hidden: QuerySet[InputRequest] | None = None,
    before: int | None = None,
    limit: int = MAX_ROWS,
) -> list[JournalRow]:
    """Return the latest `limit` transitions of a run, oldest first, in one query.

    With `before` those whose `seq` is below it. What was done about the requests in `hidden` is
    left out, and so is every error, as it may quote them.
    """
    entries = JournalEntry.objects.filter(run_id=run_id)
    if before is not None:
        entries = entries.filter(seq__lt=before)
    rows = _columns(entries.order_by("-seq"))
    if hidden is not None:
        rows = rows.exclude(request_id__in=hidden.order_by().values("request_id"))
    journal = [_journal_row(row, with_error=hidden is None) for row in rows[:limit]]
    return journal[::-1]


def _columns(entries: QuerySet[JournalEntry], *more: str) -> Any:
    return entries.values(
        *more, "seq", "kind", "at", "step", "duration",
        attempt=F("data__attempt"), steps=F("data__steps"), spawn=F("data__spawn"),
        numbers=F("data__invocations"), invocation=F("data__invocation"), **_TEXTS,
    )  # fmt: skip


def last_retries(runs: Iterable[WorkflowRun]) -> dict[UUID, JournalRow]:
    """Return the last failed attempt of each of these runs, by run id: one query."""
    later = JournalEntry.objects.filter(run=OuterRef("run"), kind="step_retried")
    last = later.order_by("-seq").values("seq")[:1]
    entries = JournalEntry.objects.filter(
        run__in=[run.pk for run in runs], kind="step_retried", seq=Subquery(last)
    )
    return {
        row.pop("run_id"): _journal_row(row, with_error=True) for row in _columns(entries, "run_id")
    }


def _journal_row(row: dict[str, Any], *, with_error: bool) -> JournalRow:
    steps, spawn, numbers = row.pop("steps"), row.pop("spawn") or (), row.pop("numbers")
    begun = tuple(steps or (part[1] for part in spawn))
    ids = tuple(numbers or (part[0] for part in spawn))
    texts: dict[str, Any] = {name: row.pop(name) or "" for name in _TEXTS}
    due = texts.pop("due")
    texts["error"] = texts["error"] if with_error else ""
    row["attempt"] = row["attempt"] or 1
    row["invocation"] = row["invocation"] or 0
    due = datetime.fromisoformat(due) if due else None
    return JournalRow(begun=begun, ids=ids, due=due, **row, **texts)
