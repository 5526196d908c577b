"""What the journal says, without what it carries: enough to draw a run, small enough to re-read.

An entry may hold whole events. A page that is read again every second asks the database for the
few figures inside them instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.fields.json import KT

from workflows.models import JournalEntry

MAX_MARKS = 5000
"""Entries that are drawn; of a longer history the latest."""

_TEXTS = {
    "by": KT("data__by"),
    "door": KT("data__door"),
    "request_id": KT("data__request_id"),
    "error": KT("data__error__message"),
}

WORDS = {
    "started": "Started",
    "step_completed": "Completed",
    "collected": "Added to what the step collects",
    "answered": "Answered",
    "declined": "Left to people by the input handler",
    "expired": "Nobody answered in time",
    "discarded": "An answer came too late",
    "completed": "The run completed",
    "cancelled": "Cancelled",
    "paused": "Paused",
    "resumed": "Resumed",
    "reopened": "Taken up again after the failure",
    "blocked": "Blocked: its code does not fit",
    "unblocked": "Tried again after it was blocked",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One transition. `at` is the end of the work that took `duration` seconds.

    `begun` are the steps whose invocations this transition began, once for each.
    """

    seq: int
    kind: str
    at: datetime
    step: str = ""
    duration: float | None = None
    attempt: int = 1
    begun: tuple[str, ...] = ()
    by: str = ""
    door: str = ""
    request_id: str = ""
    error: str = ""

    @property
    def start(self) -> datetime:
        """When the work began, or `at` for a transition that is no work."""
        return self.at - timedelta(seconds=self.duration or 0)

    @property
    def what(self) -> str:
        """What happened, in words."""
        match self.kind:
            case "step_retried":
                return f"Attempt {self.attempt} failed and is tried again: {self.error}"
            case "failed":
                return f"Failed: {self.error}" if self.error else "Failed"
            case "step_completed" if self.attempt > 1:
                return f"Completed, at attempt {self.attempt}"
        return WORDS.get(self.kind, self.kind)

    @property
    def who(self) -> str:
        """Who it came from: a person, the system for what no person did, or nobody."""
        return self.by or ("the system" if self.door in ("handler", "deadline") else "")

    @property
    def is_retry(self) -> bool:
        """Whether this attempt failed and another one follows."""
        return self.kind == "step_retried"


def marks_of(run_id: UUID, *, before: int | None = None, limit: int = MAX_MARKS) -> list[Mark]:
    """Return the latest `limit` transitions of a run, oldest first, in one query.

    With `before` those whose `seq` is below it.
    """
    entries = JournalEntry.objects.filter(run_id=run_id)
    if before is not None:
        entries = entries.filter(seq__lt=before)
    columns: Any = entries.order_by("-seq").values(
        "seq", "kind", "at", "step", "duration",
        attempt=F("data__attempt"), steps=F("data__steps"), spawn=F("data__spawn"), **_TEXTS,
    )  # fmt: skip
    return [_mark(row) for row in reversed(columns[:limit])]


def _mark(row: dict[str, Any]) -> Mark:
    steps, spawn = row.pop("steps"), row.pop("spawn")
    begun = tuple(steps or (part[1] for part in spawn or ()))
    texts: dict[str, Any] = {name: row.pop(name) or "" for name in _TEXTS}
    row["attempt"] = row["attempt"] or 1
    return Mark(begun=begun, **row, **texts)
