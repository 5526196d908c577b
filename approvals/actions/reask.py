"""Asks a request again if its form was made by another version of the code."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from approvals.actions.preconditions import check_open, find
from approvals.audit.seals import supersede
from approvals.errors import CannotReask, NotPermitted, StaleForm
from approvals.models import Comment, Decision
from workflows.engine import (
    InvalidReply,
    UnknownRequest,
    UnknownWorkflow,
    Workflow,
    WorkflowError,
    registry,
)
from workflows.engine.machine.machine import Machine
from workflows.engine.requests.options import has_verdict
from workflows.engine.requests.payload_edits import json_equal
from workflows.models import InputRequest, JournalEntry, WorkflowRun, database_now
from workflows.models.permissions import Perm
from workflows.models.requests.compatibility import other_code, stale_reason
from workflows.models.requests.deadlines import OnDeadline
from workflows.models.requests.digest import digest_of
from workflows.realtime import publisher
from workflows.worker.loading.replay import snapshot_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

IDLE_STATUSES = (WorkflowRun.Status.WAITING, WorkflowRun.Status.PAUSED)


def reask(user: User, request_id: UUID | str) -> InputRequest:
    """Give a pending request the form of the present code, as a new version.

    Approvals of the earlier version no longer count. Drafts, edits, assignees, quorum and four eyes
    are kept. An overdue request gets as much time again as it had. If its default no longer fits,
    it stays open at its deadline. The run's journal and a note on the request name `user`.

    Raise `NotVisible`; `NotPermitted` unless `user` controls runs; the errors of `check_open`; or
    `CannotReask` with the reason.
    """
    request = find(user, request_id)
    if not user.has_perm(Perm.OPERATE_RUNS):
        raise NotPermitted(f"Only operators may ask request {request.id} again.")
    with suppress(StaleForm):
        check_open(request)
    now = database_now()
    kept_open = request.overdue_at and request.on_deadline == OnDeadline.DEFAULT
    if not stale_reason(request) and not kept_open:
        raise CannotReask(f"Request {request.id} has the form that the code has now.")
    workflow = _checked(request, now)
    columns, said = _new_columns(request, workflow, now)
    with transaction.atomic():
        _write_journal(user, request, now)
        row = InputRequest.objects.pending().at_revision(request)
        if row.update(**columns) != 1:
            raise CannotReask(f"Request {request.id} has just changed; look at it again.")
        supersede(Decision.objects.filter(request=request, kind=Decision.Kind.VOTE), now)
        Comment.objects.create(request=request, by=user, at=now, text=said, is_system=True)
        publisher.after_commit(runs=[request.run_id], changed=[request.pk])
    request.refresh_from_db()
    return request


def _checked(request: InputRequest, now: datetime) -> Workflow:
    """Return the workflow of the request, if the request can be asked again."""
    name = request.run.workflow
    try:
        workflow = registry.get(name)
        reply = workflow.request_class(request.event)
    except UnknownWorkflow as error:
        raise CannotReask(f"{error} Register {name!r} again, or cancel the run.") from None
    except UnknownRequest as error:
        raise CannotReask(f"{error} Declare {request.event!r} again, or cancel the run.") from None
    if other_code(name, now):
        raise CannotReask(
            f"Workers with another version of {name!r} are running; ask again when they are gone."
        )
    if request.quorum > 1 and not has_verdict(reply):
        raise CannotReask(
            f"Request {request.id} wants {request.quorum} approvals, and the reply of "
            f"{request.event!r} has no field 'approved' any more to count them by."
        )
    try:
        state = snapshot_of(request.run).state()
        Machine(workflow, str(request.run_id), state).check_compatible()
    except WorkflowError as error:
        raise CannotReask(str(error)) from None
    return workflow


def _new_columns(
    request: InputRequest, workflow: Workflow, now: datetime
) -> tuple[dict[str, Any], str]:
    """Return the columns of the new version, and the text of the note."""
    said = "asked this again with the current version of the code"
    columns: dict[str, Any] = {"votes": 0, "claimed_by": None, "claimed_until": None}
    if request.overdue_at:
        columns |= request.restarted_timers(now)
    if request.on_deadline == OnDeadline.DEFAULT and not _takes_default(request, workflow):
        columns |= {"on_deadline": OnDeadline.STAY_OPEN, "default_response": None}
        said += "; its default no longer fits, so it stays open at its deadline"
    request.schema = workflow.reply_schema(request.event)
    request.revision += 1
    columns |= {
        "schema": request.schema, "schema_digest": workflow.reply_digest(request.event),
        "revision": request.revision, "digest": digest_of(request),
    }  # fmt: skip
    request.revision -= 1  # the state that the row must still have
    return columns, said


def _takes_default(request: InputRequest, workflow: Workflow) -> bool:
    """Return True if the code accepts the default without changing it."""
    default = request.default_response
    try:
        return json_equal(workflow.check_reply(request.event, request.allow, default), default)
    except InvalidReply:
        return False


def _write_journal(user: User, request: InputRequest, now: datetime) -> None:
    """Add a journal entry to the run, which no worker holds."""
    idle = WorkflowRun.objects.filter(pk=request.run_id, status__in=IDLE_STATUSES)
    if idle.update(seq=F("seq") + 1) != 1:
        raise CannotReask(f"Run {request.run_id} is at work just now; ask again when it waits.")
    seq = WorkflowRun.objects.values_list("seq", flat=True).get(pk=request.run_id)
    data = {
        "by": user.get_username(), "request_id": request.request_id,
        "revision": request.revision + 1,
    }  # fmt: skip
    JournalEntry.objects.create(run_id=request.run_id, seq=seq, kind="reasked", data=data, at=now)
