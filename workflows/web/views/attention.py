"""What will not go on unless somebody does something, and what that is."""

from __future__ import annotations

from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from workflows.models import InputRequest, WorkflowRun
from workflows.models.permissions import Perm
from workflows.models.requests.compatibility import unfit
from workflows.web.http import current_user, is_fragment
from workflows.web.run_access import hiding_requests
from workflows.web.run_page.journal_rows import last_retries

MOST = 50


@require_safe
def attention(request: HttpRequest) -> HttpResponse:
    """Show failed, blocked and failing runs, and requests that nobody active may answer."""
    user = current_user(request)
    visible = WorkflowRun.objects.visible_to(user).defer("input", "result")
    visible = visible.select_related("started_by")
    runs = visible.needing_attention()
    blocked = list(runs.filter(status=WorkflowRun.Status.BLOCKED)[:MOST])
    failed = list(runs.filter(status=WorkflowRun.Status.FAILED)[:MOST])
    failing = list(visible.failing().order_by("wake_at", "id")[:MOST])
    retries = last_retries(failing)
    orphans = InputRequest.objects.visible_to(user).unanswerable()
    orphans = orphans.defer("payload", "schema").select_related("run__started_by")
    context = {
        "blocked": blocked,
        "failed": failed,
        "failing": [(run, retries.get(run.pk)) for run in failing],
        "hiding": hiding_requests(user, [*blocked, *failed, *failing]),
        "sees_all": user.has_perm(Perm.SEE_ALL_RUNS) and user.has_perm(Perm.SEE_ALL_REQUESTS),
        "unfit": [
            {"request": one, "reason": reason}
            for one, reason in islice(unfit(InputRequest.objects.visible_to(user)), MOST)
        ],
        "orphans": orphans.order_by("created_at", "id")[:MOST],
        "most": MOST,
        "may_control": user.has_perm(Perm.OPERATE_RUNS),
    }
    template = "runs/attention.html#rows" if is_fragment(request) else "runs/attention.html"
    return render(request, template, context)
