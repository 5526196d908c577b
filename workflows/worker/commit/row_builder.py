"""Makes the rows of a commit from a machine: journal entries, requests, a snapshot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from workflows.engine import InputRequestEvent, UnstorableValue, WorkflowSnapshot
from workflows.engine.definition import Definition
from workflows.engine.machine.journal import Transition
from workflows.engine.machine.machine import Machine
from workflows.engine.machine.state import read_time
from workflows.engine.serialization.json_limits import InputRefused, check_json
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.models import InputRequest, JournalEntry, Priority, Snapshot
from workflows.models.requests.columns import Asked
from workflows.models.requests.digest import digest_of
from workflows.text.search_text import fold, fold_tags
from workflows.worker.commit.run_update import RunUpdate


def add_rows(update: RunUpdate, machine: Machine, now: datetime) -> None:
    """Add the machine's journal, and the requests in it, to an update as rows."""
    seq = update.seq - update.count
    for entry in machine.journal:
        seq += 1
        update.journal.append(
            JournalEntry(
                run_id=update.run_id,
                seq=seq,
                kind=entry.kind,
                step=entry.step,
                at=now,
                duration=entry.duration,
                data=entry.to_json(),
            )  # fmt: skip
        )
        if entry.kind == "step_completed":
            for one in entry.data["requests"]:
                # Requests of one commit get different times, so lists keep their order.
                moment = now + timedelta(microseconds=len(update.requests))
                request = _request_row(machine.workflow, update.run_id, entry, one, moment)
                update.requests.append(request)
    if update.ends:  # the last step asked and ended the run
        for request in update.requests:
            request.status = InputRequest.Status.CANCELLED


def add_snapshot(update: RunUpdate, machine: Machine, now: datetime) -> None:
    """Add a snapshot of the machine's state to an update."""
    data = WorkflowSnapshot.of(
        machine.workflow.name, update.signature, str(update.run_id), machine.state
    ).data
    update.snapshot = Snapshot(
        run_id=update.run_id, seq=update.seq, format=data["format"], data=data, created_at=now
    )
    update.snapshot_seq = update.seq


def _request_row(
    workflow: Definition, run_id: UUID, entry: Transition, asked: dict[str, Any], now: datetime
) -> InputRequest:
    event = asked["event"].to_event(workflow.events)
    name = asked["event"].name
    row = InputRequest(
        id=UUID(asked["id"]) if asked["own"] else uuid4(),
        request_id=asked["id"],
        run_id=run_id,
        workflow=workflow.name,
        event=name,
        step=entry.step,
        prompt=event.prompt,
        payload=asked["event"].data()["payload"],
        schema=workflow.reply_schema(name),
        allow=sorted(event.allow),
        four_eyes=event.four_eyes,
        deadline=read_time(asked["deadline"]),
        created_at=now,
    )
    apply_options(row, workflow, event)
    return row


def apply_options(row: InputRequest, workflow: Definition, event: InputRequestEvent) -> None:
    """Write the options of an event into the row of its request, which was not stored yet."""
    row.priority = Priority.named(event.priority)
    row.tags = list(dict.fromkeys(event.tags))
    row.if_approved = event.if_approved
    row.editable = list(dict.fromkeys(event.editable))
    row.editable_types = dict(event.editable_types)
    row.quorum = event.quorum
    if row.quorum > 1:  # a text is neither an approval nor a rejection
        row.allow = [verdict for verdict in row.allow if verdict != "reply"]
    row.on_deadline = event.on_deadline
    if event.on_deadline == "default":
        row.default_response = event.default_response  # a normalised answer, checked in the step
    row.remind_at = _after(row.created_at, event.remind_in)
    row.escalate_at = _after(row.created_at, event.escalate_in)
    row.escalate_to = list(event.escalate_to)
    row.next_notification_at = row.next_notification()
    row.schema_digest = workflow.reply_digest(row.event)
    row.search_text, row.search_tags = fold(row.prompt), fold_tags(row.tags)
    row.digest = digest_of(row)
    row.asked = Asked(workflow.name, event.assign_to)


def _after(moment: datetime, length: timedelta | None) -> datetime | None:
    return None if length is None else moment + length


def check_payload_limits(request: StoredEvent) -> None:
    """Raise `UnstorableValue` if a request's prompt or payload is too large or too deep.

    The limits are settings. The error names the limit that was exceeded.
    """
    data = request.data()
    for field in ("prompt", "payload"):
        try:
            check_json(
                data[field],
                what=f"The {field} of {request.name}",
                max_bytes=settings.PAYLOAD_MAX_BYTES,
                max_depth=settings.JSON_MAX_DEPTH,
            )
        except InputRefused as error:
            raise UnstorableValue(str(error)) from error
