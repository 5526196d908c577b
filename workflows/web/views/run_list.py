"""The list of runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workflows.engine import registry
from workflows.models import InputRequest, WorkflowRun
from workflows.models.permissions import Perm
from workflows.models.runs.queryset import WorkflowRunQuerySet
from workflows.web.http import current_user, is_fragment
from workflows.web.pagination import page_of_runs
from workflows.web.run_access import hiding_requests

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What the list is narrowed to. `search` is the beginning of an id, as people copy it."""

    status: str
    workflow: str
    mine: bool
    search: str

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Return the filter of an address. A status that there is not narrows nothing."""
        status = query.get("status", "")
        return cls(
            status=status if status in WorkflowRun.Status.values else "",
            workflow=query.get("workflow", "").replace("\x00", ""),
            mine=query.get("mine") == "1",
            search=query.get("q", "").strip(),
        )

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.status or self.workflow or self.mine or self.search)

    def apply(self, runs: WorkflowRunQuerySet, user: User) -> WorkflowRunQuerySet:
        """Return those of `runs` that fit."""
        if self.status:
            runs = runs.filter(status=self.status)
        if self.workflow:
            runs = runs.filter(workflow=self.workflow)
        if self.mine:
            runs = runs.filter(started_by=user)
        if self.search:
            ends = id_range(self.search)
            runs = runs.filter(id__range=ends) if ends else runs.none()
        return runs


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run of the list. `is_hiding`: a request of it is hidden from the reader."""

    run: WorkflowRun
    is_hiding: bool

    @property
    def error(self) -> str:
        """Why it failed or is blocked; empty if that may quote a hidden request."""
        error = self.run.error
        return str(error.get("message") or "") if self._may_quote(error) else ""

    @property
    def progress(self) -> str:
        """What a run that goes on says of its progress, under the same condition."""
        progress = self.run.progress
        is_shown = not self.run.ended and self._may_quote(progress)
        return str(progress.get("text") or "") if is_shown else ""

    def _may_quote(self, value: Any) -> bool:
        return isinstance(value, dict) and not self.is_hiding


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """Return the first and last id that begin with `text`, dashes or not; None if none can."""
    digits = text.lower().replace("-", "")
    if not re.fullmatch("[0-9a-f]{1,32}", digits):
        return None
    return UUID(hex=digits.ljust(32, "0")), UUID(hex=digits.ljust(32, "f"))


def with_open_requests(runs: WorkflowRunQuerySet, user: User) -> WorkflowRunQuerySet:
    """Give each run `open_requests`, how many that `user` sees wait, and who started it."""
    pending = (
        InputRequest.objects.visible_to(user)
        .pending()
        .filter(run=OuterRef("pk"))
        .order_by()
        .values("run")
    )
    count = pending.annotate(count=Count("pk")).values("count")
    light = runs.defer("input", "result").select_related("started_by")
    return light.annotate(open_requests=Subquery(count))


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    """Show the runs that this person may see, newest first; its list alone to htmx."""
    user, chosen = current_user(request), RunFilter.read(request.GET)
    found = chosen.apply(WorkflowRun.objects.visible_to(user), user)
    page = page_of_runs(with_open_requests(found, user), request.GET, PAGE_SIZE)
    hiding = hiding_requests(user, [run for run in page.runs if run.error or run.progress])
    names = registry.names()
    if chosen.workflow and chosen.workflow not in names:
        names.append(chosen.workflow)
    context: dict[str, Any] = {
        "page": page,
        "rows": [RunRow(run, run.pk in hiding) for run in page.runs],
        "sees_all": user.has_perm(Perm.SEE_ALL_RUNS),
        "chosen": chosen,
        "statuses": WorkflowRun.Status.choices,
        "workflow_names": names,
        "may_start": user.has_perm(Perm.START_RUNS),
    }
    template = "runs/list.html#rows" if is_fragment(request) else "runs/list.html"
    return render(request, template, context)
