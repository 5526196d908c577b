"""A short summary of the run of a request: its start, its steps, and its answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.db.models.functions import Left
from django.utils.text import capfirst

from workflows.models import InputRequest, JournalEntry
from workflows.web.answer_labels import AnswerSummary, answer_summary, by_whom

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_ANSWERS = 4
"""The number of listed answers to other requests; a run may have thousands."""


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """One other request of the run, with the `headline` of its prompt, and its answer."""

    request: InputRequest
    answer: AnswerSummary

    @property
    def who(self) -> str:
        """Who answered, after the verb: "by alice", "automatically at the deadline"."""
        by = self.request.answered_by
        return by_whom(by.get_username() if by else "", self.request.source)

    @property
    def what(self) -> str:
        """What was answered and how, where no person did: "Approved automatically at ..."."""
        return f"{capfirst(self.answer.word)} {self.who}"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What happened in the run of a request so far, as one person may see it.

    `steps` and `retries` are counts from before the request. `answers` are the last answers to
    other requests, oldest first; `earlier` is the number of answers before these. `open` counts the
    other pending requests of the run. Requests that this person may not see are not included.
    """

    request: InputRequest
    steps: int
    retries: int
    answers: list[AnsweredRequest]
    earlier: int
    open: int

    @property
    def started_at(self) -> datetime:
        """The start time of the run."""
        return self.request.run.created_at

    @classmethod
    def of(cls, user: User, request: InputRequest) -> RunSummary:
        """Read what `user` may see of the loaded run of `request`, by three queries."""
        work = JournalEntry.objects.filter(run=request.run_id, at__lte=request.created_at)
        counts = work.aggregate(
            steps=Count("pk", filter=Q(kind="step_completed")),
            retries=Count("pk", filter=Q(kind="step_retried")),
        )
        visible = InputRequest.objects.visible_to(user)
        others = visible.filter(run=request.run_id).exclude(pk=request.pk)
        counted = others.aggregate(
            answered=Count("pk", filter=Q(status="answered")),
            open=Count("pk", filter=Q(status="pending")),
        )
        last = (
            others.filter(status="answered")
            .annotate(headline=Left("prompt", 120))
            .select_related("answered_by")
            .defer("prompt", "payload", "schema")
            .order_by("-answered_at", "-id")[:MAX_ANSWERS]
        )
        answers = [AnsweredRequest(row, answer_summary(row.response)) for row in reversed(last)]
        earlier = counted["answered"] - len(answers)
        return cls(request, answers=answers, earlier=earlier, open=counted["open"], **counts)
