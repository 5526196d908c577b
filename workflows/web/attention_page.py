"""The page of what needs attention: runs and requests that do not go on by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Self
from uuid import UUID

from workflows.models import InputRequest, WorkflowRun
from workflows.models.permissions import Perm
from workflows.models.requests.compatibility import unfit
from workflows.web.run_access import hiding_requests
from workflows.web.run_page.journal_rows import JournalRow, last_retries

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_ROWS = 50


@dataclass(frozen=True, slots=True)
class UnanswerableRequest:
    """A request that no active person can answer, with its run at hand."""

    request: InputRequest

    @property
    def excludes_starter(self) -> bool:
        """Whether the person who started its run may not answer it."""
        return self.request.four_eyes and self.request.run.started_by is not None


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
class UnfitRequest:
    """A request that the current code cannot take an answer to, and why."""

    request: InputRequest
    reason: str


@dataclass(frozen=True, slots=True)
class AttentionPage:
    """The sections of the page, each with `limit` rows at most.

    `hiding` are the ids of the runs whose errors may quote a request that is hidden from this
    person. `sees_all` and `may_control` are what their permissions allow.
    """

    unanswerable: list[UnanswerableRequest]
    unfit: list[UnfitRequest]
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
        orphans = requests.unanswerable().defer("payload", "schema")
        orphans = orphans.select_related("run__started_by").order_by("created_at", "id")
        return cls(
            unanswerable=[UnanswerableRequest(one) for one in orphans[:MAX_ROWS]],
            unfit=[UnfitRequest(*one) for one in islice(unfit(requests), MAX_ROWS)],
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
