"""The page of what needs attention: runs and requests that do not go on by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import UUID

from workflows.models import InputRequest, WorkflowRun
from workflows.models.permissions import Perm
from workflows.models.requests.compatibility import unfit
from workflows.web.run_access import hiding_requests
from workflows.web.run_page.journal_rows import JournalRow, last_retries

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from workflows.models.requests.queryset import InputRequestQuerySet

MAX_ROWS = 50
UNANSWERABLE = (
    "prompt", "created_at", "workflow", "four_eyes", "run__started_by__username",
)  # fmt: skip
UNFIT = (
    "prompt", "created_at", "workflow", "run", "request_id", "event", "schema", "schema_digest",
    "on_deadline", "overdue_at", "default_response",
)  # fmt: skip
"""The columns that the page needs of requests: of each table there may be large ones."""


@dataclass(frozen=True, slots=True)
class StuckRequest:
    """A request that accepts no answer, or that nobody can answer, and why; perhaps empty."""

    request: InputRequest
    reason: str

    @classmethod
    def unanswerable(cls, request: InputRequest) -> Self:
        """Return a request that no active person can answer. Its run is at hand."""
        starter = request.run.started_by if request.four_eyes else None
        return cls(request, f"second person required: {starter} started the run" if starter else "")


@dataclass(frozen=True, slots=True)
class FailingRun:
    """A run of which a step keeps failing. `retry` is its last failed attempt, if still stored."""

    run: WorkflowRun
    retry: JournalRow | None
    is_hiding: bool

    @property
    def error(self) -> str:
        """Why the attempt failed; empty if it may quote a request that is hidden."""
        return "" if self.retry is None or self.is_hiding else self.retry.error


@dataclass(frozen=True, slots=True)
class AttentionPage:
    """The sections of the page, each with `limit` rows at most.

    `hiding` are the ids of the runs whose errors may quote a request that is hidden from this
    person. `sees_all` and `may_control` are what their permissions allow.
    """

    unanswerable: list[StuckRequest]
    unfit: list[StuckRequest]
    blocked: list[WorkflowRun]
    failed: list[WorkflowRun]
    failing: list[FailingRun]
    hiding: set[UUID]
    sees_all: bool
    may_control: bool
    limit: int = MAX_ROWS

    @classmethod
    def of(cls, user: User) -> Self:
        """Load what `user` may see of it."""
        visible = WorkflowRun.objects.visible_to(user).defer("input", "result")
        visible = visible.select_related("started_by")
        runs = visible.needing_attention()
        blocked = list(runs.filter(status=WorkflowRun.Status.BLOCKED)[:MAX_ROWS])
        failed = list(runs.filter(status=WorkflowRun.Status.FAILED)[:MAX_ROWS])
        failing = list(visible.failing().order_by("wake_at", "id")[:MAX_ROWS])
        retries = last_retries(failing)
        hiding = hiding_requests(user, [*blocked, *failed, *failing])
        requests = InputRequest.objects.visible_to(user)
        return cls(
            unanswerable=[StuckRequest.unanswerable(one) for one in _unanswerable(user, requests)],
            unfit=[StuckRequest(*one) for one in unfit(requests.only(*UNFIT), MAX_ROWS)],
            blocked=blocked,
            failed=failed,
            failing=[FailingRun(run, retries.get(run.pk), run.pk in hiding) for run in failing],
            hiding=hiding,
            sees_all=user.has_perm(Perm.SEE_ALL_RUNS) and user.has_perm(Perm.SEE_ALL_REQUESTS),
            may_control=user.has_perm(Perm.OPERATE_RUNS),
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing that this person can see needs attention."""
        sections = (self.unanswerable, self.unfit, self.blocked, self.failed, self.failing)
        return not any(sections)


def _unanswerable(user: User, visible: InputRequestQuerySet) -> InputRequestQuerySet:
    """Return those of the `visible` requests of `user` that nobody can answer, oldest first.

    A person who may decide can answer each of them, unless four eyes exclude them.
    """
    if user.has_perm(Perm.DECIDE):
        visible = visible.barred_to_author(user)
    found = visible.unanswerable().only(*UNANSWERABLE).select_related("run__started_by")
    return found.order_by("created_at", "id")[:MAX_ROWS]
