"""What people do to a run: cancel, pause, resume, retry, run again."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST

from workflows.engine import WorkflowError
from workflows.errors import InvalidIdempotencyKey, WrongState
from workflows.models import WorkflowRun
from workflows.views.requester import form_key, person
from workflows.views.run import visible_run
from workflows.views.run_page import RunPage


@require_POST
def act(request: HttpRequest, run_id: str, verb: str) -> HttpResponse:
    """Do it and go to the run, 303; 409 and the page, which says why, if its state forbids it.

    422 for a form that was not drawn here.

    404 if the run is not for this person to see, 403 if it is not for them to control.
    """
    try:
        run = visible_run(request, UUID(run_id))
    except ValueError:
        raise Http404 from None
    user = person(request)
    needed = "add" if verb == "again" else "change"
    if not user.has_perm(f"workflows.{needed}_workflowrun"):
        raise PermissionDenied
    try:
        shown = perform(run, verb, user, key=form_key(request) if verb == "again" else None)
    except (WrongState, WorkflowError, InvalidIdempotencyKey) as error:
        run.refresh_from_db()
        page = RunPage(run, user, refusal=str(error))
        status = 422 if isinstance(error, InvalidIdempotencyKey) else 409
        return render(request, "runs/run.html", {"page": page, "run": run}, status=status)
    return HttpResponseRedirect(shown.get_absolute_url(), status=303)


def perform(run: WorkflowRun, verb: str, user: User, *, key: str | None) -> WorkflowRun:
    """Call the run's own verb and return the run to show afterwards.

    `key` keeps a double click on "Run again" from starting two.

    Raise `WrongState`, or what starting raises if the workflow no longer takes the input.
    """
    match verb:
        case "cancel":
            run.cancel(by=user)
        case "pause":
            run.pause(by=user)
        case "resume":
            run.resume(by=user)
        case "retry":
            run.retry(by=user)
        case _:
            return run.run_again(by=user, idempotency_key=key)
    return run
