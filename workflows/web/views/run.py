"""One run: its page, which re-reads itself, and its snapshot."""

from __future__ import annotations

import json
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from workflows.engine import BadSnapshot
from workflows.models import WorkflowRun
from workflows.web.http import current_user, is_fragment
from workflows.web.run_access import RunAccess
from workflows.web.run_page.page import RunPage
from workflows.worker import snapshot_of

STOP_POLLING = 286  # htmx swaps what came, and asks no more from time to time


def visible_run(request: HttpRequest, run_id: UUID | str) -> WorkflowRun:
    """Return the run, or raise `Http404` if it is none or not for this person to see."""
    runs = WorkflowRun.objects.visible_to(current_user(request)).select_related("started_by")
    return get_object_or_404(runs, pk=run_id)


@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show a run; its live sections alone to htmx, each to be swapped by its id."""
    before = request.GET.get("before", "")
    page = RunPage(
        visible_run(request, run_id),
        current_user(request),
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
    )
    context = {"page": page, "run": page.run}
    if not is_fragment(request):
        return render(request, "runs/run.html", context)
    status = STOP_POLLING if page.run.ended else 200
    return render(request, "runs/run.html#live", context, status=status)


@require_safe
def snapshot(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Send the run's whole state now, folded from its journal, as JSON; to htmx as a fragment.

    404 if what is stored is of a format that this version does not read, or holds requests that
    this person may not know of.
    """
    run = visible_run(request, run_id)
    if not RunAccess.of(current_user(request), run).to_state:
        raise Http404("The run's state holds requests that are not for this person to see.")
    try:
        state = json.loads(snapshot_of(run).to_json())
    except BadSnapshot as error:
        raise Http404(str(error)) from None
    if is_fragment(request):
        return render(request, "runs/snapshot.html", {"state": state, "seq": run.seq})
    return JsonResponse(state, json_dumps_params={"indent": 2})
