"""Requests whose form was made by another version of the code than this process runs.

A request is shown, checked, answered by default and delivered by the schema that is stored with it.
If the code has another schema now, the request accepts no answer until an operator asks it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q

from workflows.engine import InputRequestEvent, UnknownRequest, UnknownWorkflow, registry
from workflows.engine.errors import IncompatibleRun
from workflows.engine.requests.reply import schema_digest
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.models.worker_heartbeat import WorkerHeartbeat

if TYPE_CHECKING:
    from workflows.models.requests.queryset import InputRequestQuerySet
    from workflows.models.requests.request import InputRequest

MAX_CHECKED = 500  # requests that may be stale, for one page


def stale_reason(request: InputRequest) -> str:
    """Return why this process cannot accept an answer to the request; empty if it can."""
    name = request.workflow or request.run.workflow
    try:
        digest = registry.get(name).reply_digest(request.event)
    except UnknownWorkflow:
        return f"the code has no workflow {name!r}"
    except UnknownRequest:
        return f"the code has no request class {request.event!r} in the workflow {name!r}"
    if digest != (request.schema_digest or schema_digest(request.schema)):
        return f"its form was made by another version of the class {request.event!r}"
    return ""


def default_fault(request: InputRequest) -> str:
    """Return why the code cannot read the default that is due; empty if it can.

    Its validators ran when the step asked, and do not run again.
    """
    workflow = registry.get(request.workflow or request.run.workflow)
    reply = workflow.request_class(request.event).reply.__name__
    answer = {"request_id": request.request_id, "response": request.default_response}
    try:
        StoredEvent(reply, answer).to_event(workflow.events)
    except IncompatibleRun as error:
        return f"its default no longer fits: {str(error).rstrip('.')}"
    return ""


def other_code(workflow: str, now: datetime) -> bool:
    """Return True if a live worker has another version of this workflow than this process."""
    own = registry.get(workflow).signature if workflow in registry else ""
    known = WorkerHeartbeat.objects.alive(now).values_list("signatures", flat=True)
    return any(one.get(workflow, own) != own for one in known)


def unfit(requests: InputRequestQuerySet) -> Iterator[tuple[InputRequest, str]]:
    """Yield the pending requests of `requests` that do not fit the code of this process, and why.

    Only a limited number of the oldest requests is read.
    """
    current = Q(pk__in=[])
    for workflow in registry:
        for name, cls in workflow.events.items():
            if issubclass(cls, InputRequestEvent):
                digest = workflow.reply_digest(name)
                current |= Q(workflow=workflow.name, event=name, schema_digest=digest)
    undefaulted = Q(on_deadline="default", overdue_at__isnull=False)
    rows = requests.pending().filter(~current | undefaulted).order_by("created_at", "id")
    for request in rows[:MAX_CHECKED]:
        reason = stale_reason(request)
        if not reason and request.overdue_at and request.on_deadline == "default":
            reason = default_fault(request) or "it was not answered by default at its deadline"
        if reason:
            yield request, reason
