"""What people do to a run: cancel, pause, resume, retry."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST

from workflows.engine import WorkflowError
from workflows.errors import WrongState
from workflows.models import WorkflowRun
from workflows.models.permissions import Perm
from workflows.web.http import current_user
from workflows.web.run_page.page import RunPage
from workflows.web.views.run import visible_run


@require_POST
def run_action(request: HttpRequest, run_id: str, action: str) -> HttpResponse:
    """Do it and go to the run, 303; 409 and the page, which says why, if its state forbids it.

    404 if the run is not for this person to see, 403 if it is not for them to control.
    """
    try:
        run = visible_run(request, UUID(run_id))
    except ValueError:
        raise Http404 from None
    user = current_user(request)
    if not user.has_perm(Perm.OPERATE_RUNS):
        raise PermissionDenied
    try:
        apply_action(run, action, user)
    except (WrongState, WorkflowError) as error:
        run.refresh_from_db()
        page = RunPage(run, user, refusal=str(error))
        return render(request, "runs/run.html", {"page": page, "run": run}, status=409)
    return HttpResponseRedirect(run.get_absolute_url(), status=303)


def apply_action(run: WorkflowRun, action: str, user: User) -> None:
    """Call the run's method of this name. Raise `WrongState` if its status forbids it."""
    match action:
        case "cancel":
            run.cancel(by=user)
        case "pause":
            run.pause(by=user)
        case "resume":
            run.resume(by=user)
        case _:
            run.retry(by=user)
