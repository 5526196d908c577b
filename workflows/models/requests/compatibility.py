"""Requests whose form was made by another version of the code than this process runs.

A request is shown, checked, answered by default and delivered by the schema that is stored with it.
If the code has another schema now, the request accepts no answer until an operator asks it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from workflows.engine import InputRequestEvent, UnknownRequest, UnknownWorkflow, registry
from workflows.engine.errors import IncompatibleRun
from workflows.engine.requests.reply import schema_digest
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.models.requests.indexes import UNDEFAULTED
from workflows.models.worker_heartbeat import WorkerHeartbeat
from workflows.sql.loose_scan import distinct_rows

if TYPE_CHECKING:
    from workflows.models.requests.queryset import InputRequestQuerySet
    from workflows.models.requests.request import InputRequest

MAX_CHECKED = 500  # requests that may be stale, for one page
PENDING = "status = 'pending'"
KIND = ("workflow", "event", "schema_digest")


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


def unfit(requests: InputRequestQuerySet, most: int) -> list[tuple[InputRequest, str]]:
    """Return the pending requests of `requests` that do not fit the code of this process, and why.

    They are the oldest `most`. Of requests that have to be checked one by one, which are those with
    a default that is due or without a digest, only a limited number of the oldest is read.
    """
    pending = requests.pending().order_by("created_at", "id")
    found = [*pending.filter(UNDEFAULTED)[:MAX_CHECKED]]
    current = _current_kinds()
    known = {kind[:2] for kind in current}
    for workflow, event, digest in distinct_rows(requests.model, KIND, PENDING):
        if (workflow, event, digest) not in current:
            kind = pending.filter(workflow=workflow, event=event, schema_digest=digest)
            is_unclear = not digest and (workflow, event) in known
            found += kind[: MAX_CHECKED if is_unclear else most]
    found.sort(key=lambda request: (request.created_at, request.pk))
    return list(islice(_with_reasons(dict.fromkeys(found)), most))


def _current_kinds() -> set[tuple[str, ...]]:
    """Return what the code may ask: workflow, class and digest."""
    return {
        (workflow.name, name, workflow.reply_digest(name))
        for workflow in registry
        for name, cls in workflow.events.items()
        if issubclass(cls, InputRequestEvent)
    }


def _with_reasons(requests: Iterable[InputRequest]) -> Iterator[tuple[InputRequest, str]]:
    """Yield those of `requests` that do not fit, and why."""
    for request in requests:
        reason = stale_reason(request)
        if not reason and request.overdue_at and request.on_deadline == "default":
            reason = default_fault(request) or "it was not answered by default at its deadline"
        if reason:
            yield request, reason
