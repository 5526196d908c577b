"""One run: its page, which re-reads itself, and its snapshot."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from workflows.models import WorkflowRun
from workflows.views.requester import person, wants_fragment
from workflows.views.run_page import RunPage


def visible_run(request: HttpRequest, run_id: UUID | str) -> WorkflowRun:
    """Return the run, or raise `Http404` if it is none or not for this person to see."""
    runs = WorkflowRun.objects.visible_to(person(request)).select_related("started_by")
    return get_object_or_404(runs, pk=run_id)


@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show a run; its live sections alone to htmx, each to be swapped by its id."""
    before = request.GET.get("before", "")
    page = RunPage(
        visible_run(request, run_id),
        person(request),
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
    )
    template = "runs/run.html#live" if wants_fragment(request) else "runs/run.html"
    return render(request, template, {"page": page, "run": page.run})


@require_safe
def snapshot(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Send the run's latest snapshot as JSON; to htmx as a fragment that shows it.

    404 before the first one: a run has none until it first waits.
    """
    run = visible_run(request, run_id)
    latest = run.snapshots.order_by("-seq").first()
    if wants_fragment(request):
        return render(request, "runs/snapshot.html", {"snapshot": latest})
    if latest is None:
        raise Http404("This run has no snapshot yet.")
    return JsonResponse(latest.data, safe=False, json_dumps_params={"indent": 2})
