"""The admin's pages of runs, with actions to cancel, retry, pause and resume."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from workflows.admin.columns import block, json_block, json_of
from workflows.admin.filters import WorkflowFilter
from workflows.admin.read_only import ReadOnlyAdmin, Related
from workflows.errors import WrongState
from workflows.models import Delivery, InputRequest, JournalEntry, Snapshot, WorkflowRun
from workflows.models.permissions import Perm
from workflows.text.invisible_characters import show_invisibles

MAX_RUNS = 500  # runs of one action; each is a transaction and an entry in the log
MAX_REFUSALS = 20  # that are listed one by one

DONE = {
    "cancel": "cancelled",
    "retry": "put back to work",
    "pause": "paused, or will be when their running steps have ended",
    "resume": "resumed",
}


@admin.display(description="error")
def error_of(run: WorkflowRun) -> str:
    """Return the message of the error, and its traceback as lines."""
    if not isinstance(run.error, dict) or "traceback" not in run.error:
        return json_block(run.error)
    rest = {key: value for key, value in run.error.items() if key != "traceback"}
    return format_html("{}{}", json_block(rest), block(str(run.error["traceback"] or "")))


@admin.register(WorkflowRun)
class WorkflowRunAdmin(ReadOnlyAdmin):
    """All runs, newest first, with links to the rows that belong to them."""

    list_display = ("__str__", "status", "started_by", "created_at", "finished_at")
    list_filter = ("status", WorkflowFilter, "created_at")
    list_select_related = ("started_by",)
    list_defer = ("input", "result", "error", "progress")
    search_fields = ("workflow", "started_by__username", "idempotency_key")
    search_help_text = "The id of a run or a request, or part of a workflow, name or key."
    uuid_lookups = ("pk", "requests__pk")
    actions = ("cancel", "retry", "pause", "resume")
    page_fields = (
        "id", "workflow", "status", "related_links", json_of("input"), json_of("result"), error_of,
        json_of("progress"), "started_by", "started_by_name", "repeats_runs_of", "idempotency_key",
        "created_at", "finished_at", "wake_at",
        "seq", "snapshot_seq", "delivery_count", "lease_owner", "fence", "crash_count",
        "signature",
    )  # fmt: skip
    related: ClassVar[list[Related]] = [
        Related(InputRequest, "run__id__exact"),
        Related(JournalEntry, "run__id__exact"),
        Related(Snapshot, "run__id__exact"),
        Related(Delivery, "run__id__exact"),
    ]

    @admin.display(description="repeats runs of")
    def repeats_runs_of(self, run: WorkflowRun) -> str:
        """Return the names of the people who started the runs that this run repeats."""
        names = run.earlier_authors.values_list("name", flat=True) if run.is_repeat else ()
        return show_invisibles(", ".join(names)) or "-"

    def view_on_site(self, obj: WorkflowRun) -> str:
        """Return the address of the run's own page."""
        return obj.get_absolute_url()

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Return True if this person may control runs. Nobody may edit them."""
        return request.user.has_perm(Perm.OPERATE_RUNS)

    @admin.action(permissions=["control"], description="Cancel selected runs")
    def cancel(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        """Cancel the selected runs that have not ended."""
        self._apply("cancel", request, queryset)

    @admin.action(permissions=["control"], description="Retry selected failed or blocked runs")
    def retry(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        """Retry the selected runs that failed or are blocked."""
        self._apply("retry", request, queryset)

    @admin.action(permissions=["control"], description="Pause selected runs")
    def pause(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        """Pause the selected runs that are open."""
        self._apply("pause", request, queryset)

    @admin.action(permissions=["control"], description="Resume selected paused runs")
    def resume(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> None:
        """Resume the selected runs that are paused."""
        self._apply("resume", request, queryset)

    def _apply(self, action: str, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Call `action` on each run in a separate transaction, and show the results."""
        runs = list(queryset.defer(*self.list_defer)[: MAX_RUNS + 1])
        if len(runs) > MAX_RUNS:
            text = f"Nothing was done: select {MAX_RUNS} runs at most."
            self.message_user(request, text, messages.ERROR)
            return
        refusals = [refusal for run in runs if (refusal := self._refusal(action, request, run))]
        done = len(runs) - len(refusals)
        if done:
            noun = "run was" if done == 1 else "runs were"
            self.message_user(request, f"{done} {noun} {DONE[action]}.", messages.SUCCESS)
        for refusal in refusals[:MAX_REFUSALS]:
            self.message_user(request, refusal, messages.WARNING)
        if len(refusals) > MAX_REFUSALS:
            text = f"{len(refusals) - MAX_REFUSALS} more runs refused likewise."
            self.message_user(request, text, messages.WARNING)

    def _refusal(self, action: str, request: HttpRequest, run: WorkflowRun) -> str:
        """Apply `action` and log it, or return the error of the run."""
        assert isinstance(request.user, User)
        try:
            with transaction.atomic():
                getattr(run, action)(by=request.user)
                self.log_change(request, run, f"{action.capitalize()}, by an action.")
        except WrongState as error:
            return str(error)
        return ""
