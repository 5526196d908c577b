"""Claiming runs and loading what they hold, in batches: a fixed number of queries each.

Everything here is synchronous and runs in the worker's database thread, one whole function at a
time.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows.engine import WorkflowError, registry
from workflows.engine.definition import Definition
from workflows.engine.errors import IncompatibleRun
from workflows.engine.machine.machine import Machine
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.errors import DurableError
from workflows.models import Delivery, JournalEntry, Snapshot, WorkflowRun, database_now
from workflows.models.runs.queryset import BLOCK_AT
from workflows.observability import metrics
from workflows.sql.json_rows import fetch
from workflows.worker.code_versions import Fleet
from workflows.worker.commit.payload_limits import check_request
from workflows.worker.commit.store import block
from workflows.worker.loading.mailbox import deliveries_for
from workflows.worker.loading.replay import fold

logger = logging.getLogger(__name__)

LATEST = "workflows_snapshot.run_id = new.run_id AND workflows_snapshot.seq = new.seq"
LATER = """
    workflows_journalentry.run_id = new.run_id AND workflows_journalentry.seq > new.seq
    ORDER BY workflows_journalentry.run_id, workflows_journalentry.seq
"""


@dataclass(slots=True)
class Loaded:
    """A claimed run, ready to be driven."""

    row: WorkflowRun
    machine: Machine
    deliveries: list[Delivery]


@metrics.CLAIM.time()
def take(
    owner: str,
    *,
    limit: int,
    lease: timedelta,
    holding: Collection[UUID],
    suspects: bool,
    fleet: Fleet | None = None,
) -> tuple[datetime | None, list[Loaded], int]:
    """Claim and load runs; return the time, if any was claimed, the runs, and how many were.

    `fleet` may be a little old: who is there besides is asked again before a run is blocked. A
    run that cannot be loaded is given back if a live worker has other code for it, otherwise
    blocked, and spoils nobody else's.
    """
    fleet = fleet or Fleet(owner, database_now())
    rows = WorkflowRun.objects.claim(
        owner, limit=limit, lease=lease, holding=holding, suspects=suspects,
        withheld=fleet.withheld(),
    )  # fmt: skip
    if not rows:
        return None, [], 0
    assert rows[0].wake_at
    now = rows[0].wake_at - lease
    metrics.claimed(rows)
    loaded, unfit = [], []
    for one in _load(rows):
        found = _guilt(one[0]) or _try_to_prepare(*one)
        if isinstance(found, Loaded):
            loaded.append(found)
        else:
            unfit.append((one[0], found))
    if unfit:
        _turn_away(Fleet(owner, now), unfit)
    # That they were loaded took nobody down.
    WorkflowRun.objects.mark_untouched([one.row for one in loaded], untouched=True)
    return now, loaded, len(rows)


def _turn_away(fleet: Fleet, unfit: Sequence[tuple[WorkflowRun, str]]) -> None:
    """Give back what a live worker's other code may load, and block the rest."""
    refused = []
    for row, reason in unfit:
        if not _guilt(row) and fleet.another_may_load(row):
            logger.info("Run %s is left to other code: %s", row.id, reason)
            refused.append(row)
        else:
            block(row, reason)
    fleet.give_back(refused)


def _load(
    rows: Sequence[WorkflowRun],
) -> list[tuple[WorkflowRun, Snapshot | None, list[JournalEntry], list[Delivery]]]:
    """Read what the claimed runs hold: at most three queries for all of them."""
    kept = [{"run_id": row.pk, "seq": row.snapshot_seq} for row in rows if row.snapshot_seq]
    snapshots = {one.run_id: one for one in fetch(Snapshot, kept, LATEST)}
    behind = [
        {"run_id": row.pk, "seq": row.snapshot_seq} for row in rows if row.seq > row.snapshot_seq
    ]
    journal: dict[UUID, list[JournalEntry]] = defaultdict(list)
    for entry in fetch(JournalEntry, behind, LATER):
        journal[entry.run_id].append(entry)
    waiting = deliveries_for([row.pk for row in rows if row.inbox])
    return [(row, snapshots.get(row.pk), journal[row.pk], waiting[row.pk]) for row in rows]


def _guilt(row: WorkflowRun) -> str:
    """Say that the run took down too many workers; nothing if it has not."""
    if row.takeovers < BLOCK_AT:
        return ""
    return (
        f"Run {row.id} of {row.workflow!r} was in the hands of {row.takeovers} workers "
        "when they died; it is not tried again by itself."
    )


def _try_to_prepare(row: WorkflowRun, *held: Any) -> Loaded | str:
    """Return the run ready to be driven, or the sentence that says why it cannot be."""
    try:
        return _prepare(row, *held)
    except (WorkflowError, DurableError) as error:
        return str(error)
    except Exception as error:
        logger.exception("Run %s cannot be loaded.", row.id, extra={"run_id": row.id})
        return f"Run {row.id} cannot be loaded: {error!r}"


def _prepare(
    row: WorkflowRun,
    snapshot: Snapshot | None,
    entries: list[JournalEntry],
    deliveries: list[Delivery],
) -> Loaded:
    workflow = registry.get(row.workflow)
    state = fold(snapshot, entries)
    if state.seq != row.seq:
        raise DurableError(f"Run {row.id}: its journal ends at {state.seq}, not at {row.seq}.")
    machine = Machine(workflow, str(row.id), state)
    machine.validate_request = check_request
    machine.check_compatible()
    _check_answers(machine, deliveries)
    if not state.begun:
        machine.start(_start(workflow, row.input))
    return Loaded(row, machine, deliveries)


def _start(workflow: Definition, given: Any) -> StoredEvent:
    """Return the input, which was validated when the run was started; raise `IncompatibleRun`."""
    stored = StoredEvent(workflow.start_class.__name__, given)
    stored.to_event(workflow.events)
    return stored


def _check_answers(machine: Machine, deliveries: Sequence[Delivery]) -> None:
    """Raise `IncompatibleRun` if an answer on its way, checked by other code, does not fit here."""
    events = machine.workflow.events
    for one in deliveries:
        request = machine.state.requests.get(one.data.get("request_id", ""))
        if one.kind != Delivery.Kind.ANSWER or request is None:
            continue
        reply = machine.workflow.request_class(request.event.name).reply.__name__
        answer = StoredEvent(reply, {key: one.data[key] for key in ("request_id", "response")})
        try:
            answer.to_event(events)
        except IncompatibleRun as error:
            told = f"{machine} has an answer that does not fit the code of this workflow: {error}."
            raise IncompatibleRun(told) from error
