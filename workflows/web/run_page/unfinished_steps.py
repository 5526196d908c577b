"""The steps that a run has begun and not finished: at work, or failed and to be tried again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from workflows.web.run_page.journal_rows import JournalRow


@dataclass(slots=True)
class Unfinished:
    """One invocation of a step. It is `attempt` that is to come or under way, from 1.

    `since` is when the invocation began, `due` when the attempt begins (None: at once), `error`
    why the one before failed, at `failed_at`.
    """

    step: str
    since: datetime
    attempt: int = 1
    due: datetime | None = None
    failed_at: datetime | None = None
    error: str = ""

    def is_retry_at(self, now: datetime) -> bool:
        """Whether it failed, and waits at this moment for its next attempt."""
        return self.due is not None and self.due > now


def unfinished(journal: Iterable[JournalRow]) -> list[Unfinished]:
    """Return what has begun and not ended, the oldest first, of a run that goes on.

    As in the engine, a run that is retried begins its unfinished steps with a new budget.
    """
    found: dict[int, Unfinished] = {}
    for entry in journal:
        if entry.kind == "step_completed":
            found.pop(entry.invocation, None)
        elif entry.kind == "step_retried":
            one = found.setdefault(entry.invocation, Unfinished(entry.step, entry.start))
            one.attempt, one.due, one.error = entry.attempt + 1, entry.due, entry.error
            one.failed_at = entry.at
        elif entry.kind == "reopened":
            for key, one in found.items():
                found[key] = Unfinished(one.step, entry.at)
        for number, step in zip(entry.ids, entry.begun, strict=False):
            found[number] = Unfinished(step, entry.at)
    return sorted(found.values(), key=lambda one: one.since)
