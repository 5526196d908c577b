"""What is registered, and starting it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from workflows.engine import InvalidInput, Step, UnknownWorkflow, Workflow, registry
from workflows.engine.serialization.json_limits import InputRefused, LimitExceeded, check_json
from workflows.errors import IdempotencyConflict, InvalidIdempotencyKey, RateLimitExceeded
from workflows.models import Usage, WorkflowRun
from workflows.models.permissions import Perm
from workflows.web.forms import SchemaForm
from workflows.web.http import current_user, form_key, htmx_of, typed_before
from workflows.web.run_access import RunAccess
from workflows.web.run_page.graph_layout import layout
from workflows.web.run_page.graph_nodes import GraphNode
from workflows.web.run_page.node_status import NodeStatus
from workflows.web.views.run import visible_run


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step with the names of its events; a template would call the step and the classes."""

    name: str
    doc: str
    takes: list[str]
    gives: list[str] | None
    retries: int
    retry_delay: float
    backoff: float
    timeout: float | None
    max_concurrency: int | None

    @classmethod
    def of(cls, step: Step) -> Self:
        """Return the row of `step`."""
        return cls(
            name=step.name,
            doc=step.doc,
            takes=[event.__name__ for event in step.accepts],
            gives=None if step.returns is None else [event.__name__ for event in step.returns],
            retries=step.retries,
            retry_delay=step.retry_delay,
            backoff=step.backoff,
            timeout=step.timeout,
            max_concurrency=step.max_concurrency,
        )


@require_safe
def workflows(request: HttpRequest) -> HttpResponse:
    """Show every registered workflow."""
    return render(request, "workflows/list.html", {"workflows": list(registry)})


@require_safe
def workflow(request: HttpRequest, name: str) -> HttpResponse:
    """Show one workflow: its graph, its steps, and the form that starts it.

    `?repeats=` names an earlier run whose input is filled in; nothing starts until it is posted.
    A form that could not be sent repeats the same run again, so that its authors still count.
    """
    flow = registered(name)
    typed = typed_before(request, "workflows:start")
    named = request.GET.get("repeats") or (typed.get("_repeats") if typed else None)
    earlier = repeated(request, flow, str(named or ""))
    return page(request, flow, start_form(flow, earlier, typed), earlier=earlier)


@require_POST
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Start a run and go to it, 303, or to htmx 204 with `HX-Redirect`.

    403 without the permission; 413 for an input above the limits, 422 with every error at its
    field for one that does not fit, 429 for too many starts, each with what was typed.
    """
    flow, user = registered(name), current_user(request)
    if not user.has_perm(Perm.START_RUNS):
        raise PermissionDenied
    earlier = repeated(request, flow, request.POST.get("_repeats", ""))
    form = start_form(flow, earlier, request.POST)
    data = form.answer(files=request.FILES, max_upload_bytes=settings.PAYLOAD_MAX_BYTES)
    status = check_limits(form, data)
    if status == 200 and not form.has_errors:
        try:
            Usage.objects.take(user, Usage.Kind.STARTS)
            run = begin(flow, data, request, earlier)
        except RateLimitExceeded as error:
            return rate_limited(request, flow, form, error, earlier=earlier)
        except InvalidInput as error:
            form.set_errors(error.errors)
        except InvalidIdempotencyKey as error:
            form.set_errors([{"loc": (), "msg": str(error), "type": "key"}])
        else:
            return redirect(request, run)
    return page(request, flow, form, earlier=earlier, status=422 if status == 200 else status)


def start_form(
    flow: Workflow, earlier: WorkflowRun | None, data: QueryDict | None = None
) -> SchemaForm:
    """Return the form of the workflow's input, with what was posted or with an earlier input."""
    initial = earlier.input if earlier else None
    return SchemaForm(flow.start_schema(), initial=initial, data=data, uploads=True)


def repeated(request: HttpRequest, flow: Workflow, run_id: str) -> WorkflowRun | None:
    """Return the run that is to be run again; None without an id.

    Raise `Http404` if there is none of this workflow whose input this person may read.
    """
    if not run_id:
        return None
    try:
        run = visible_run(request, UUID(run_id))
    except ValueError:
        raise Http404 from None
    if run.workflow != flow.name or not RunAccess.of(current_user(request), run).to_values:
        raise Http404
    return run


def rate_limited(
    request: HttpRequest,
    flow: Workflow,
    form: SchemaForm,
    error: RateLimitExceeded,
    *,
    earlier: WorkflowRun | None,
) -> HttpResponse:
    """Return 429 with what was typed, and when to send it again."""
    form.set_errors([{"loc": (), "msg": str(error), "type": "rate"}])
    response = page(request, flow, form, earlier=earlier, status=429)
    response["Retry-After"] = str(error.retry_after)
    return response


def check_limits(form: SchemaForm, data: object) -> int:
    """Return 200, or 413 or 422 with the reason among the form's errors."""
    try:
        check_json(
            data,
            what="The input",
            max_bytes=settings.PAYLOAD_MAX_BYTES,
            max_depth=settings.JSON_MAX_DEPTH,
        )
    except InputRefused as error:
        form.set_errors([{"loc": (), "msg": str(error), "type": "refused"}])
        return 413 if isinstance(error, LimitExceeded) else 422
    return 200


def begin(
    flow: Workflow, data: Any, request: HttpRequest, earlier: WorkflowRun | None = None
) -> WorkflowRun:
    """Start a run, once for each form that was drawn.

    Raise `InvalidInput`, or `InvalidIdempotencyKey` for a form that was not drawn here.

    A form that is sent again with something else in it means another run. The authors of the
    `earlier` run that it repeats are its authors, too.
    """
    user, key = current_user(request), form_key(request)
    try:
        return WorkflowRun.objects.start(flow, data, by=user, idempotency_key=key, repeats=earlier)
    except IdempotencyConflict:
        return WorkflowRun.objects.start(flow, data, by=user, repeats=earlier)


def redirect(request: HttpRequest, run: WorkflowRun) -> HttpResponse:
    """Send the browser to the run."""
    if htmx_of(request):
        return HttpResponse(status=204, headers={"HX-Redirect": run.get_absolute_url()})
    return HttpResponseRedirect(run.get_absolute_url(), status=303)


def registered(name: str) -> Workflow:
    """Return the workflow, or raise `Http404`."""
    try:
        return registry.get(name)
    except UnknownWorkflow as error:
        raise Http404(str(error)) from None


def page(
    request: HttpRequest, flow: Workflow, form: SchemaForm, *, earlier: WorkflowRun | None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    """Draw the page of a workflow with `form` as it stands."""
    drawing = layout(flow.graph())
    context = {
        "workflow": flow,
        "form": form,
        "earlier": earlier,
        "steps": [StepRow.of(step) for step in flow.steps.values()],
        "layout": drawing,
        "nodes": [GraphNode(box, NodeStatus("idle")) for box in drawing.boxes],
        "key": _key_of(request),
        "may_start": current_user(request).has_perm(Perm.START_RUNS),
    }
    return render(request, "workflows/workflow.html", context, status=status)


def _key_of(request: HttpRequest) -> str:
    """Return the key that the form was sent with, so that it starts one run; or a new one."""
    try:
        return str(uuid.UUID(request.POST.get("_key", "")))
    except ValueError:
        return str(uuid.uuid4())
