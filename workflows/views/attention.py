"""What will not go on unless somebody does something, and what that is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workflows.models import InputRequest, WorkflowRun
from workflows.views.requester import person, wants_fragment

MOST = 50


@require_safe
def attention(request: HttpRequest) -> HttpResponse:
    """Show failed and blocked runs, and requests that nobody active may answer."""
    user = person(request)
    runs = WorkflowRun.objects.visible_to(user).needing_attention()
    runs = runs.defer("input", "result").select_related("started_by")
    orphans = InputRequest.objects.visible_to(user).unanswerable()
    orphans = orphans.defer("payload", "schema").select_related("run__started_by")
    context = {
        "blocked": runs.filter(status=WorkflowRun.Status.BLOCKED)[:MOST],
        "failed": runs.filter(status=WorkflowRun.Status.FAILED)[:MOST],
        "orphans": orphans.order_by("created_at", "id")[:MOST],
        "most": MOST,
        "may_control": user.has_perm("workflows.change_workflowrun"),
    }
    template = "runs/attention.html#rows" if wants_fragment(request) else "runs/attention.html"
    return render(request, template, context)
