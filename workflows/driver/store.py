"""Claiming, loading and storing runs in batches, each a fixed number of queries.

Everything here is synchronous and runs in the worker's database thread, one whole function at a
time.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, OuterRef, Subquery

from workflows import metrics
from workflows.driver.admission import check_request
from workflows.driver.fleet import Fleet
from workflows.driver.news import deliveries_for
from workflows.driver.opening import open_requests
from workflows.driver.replay import fold
from workflows.driver.rows import update_runs
from workflows.driver.write import Write
from workflows.engine import WorkflowError, registry
from workflows.engine.errors import CannotLoad
from workflows.engine.held import Held
from workflows.engine.machine import Machine
from workflows.errors import DurableError
from workflows.models import (
    Delivery,
    InputRequest,
    JournalEntry,
    Snapshot,
    WorkflowRun,
    database_now,
)
from workflows.models.runs import BLOCK_AT, SUSPECT_FROM
from workflows.retention import compact_grown

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Loaded:
    """A claimed run, ready to be driven."""

    row: WorkflowRun
    machine: Machine
    deliveries: list[Delivery]


@dataclass(slots=True)
class Stored:
    """What became of a batch: which runs were stored, and which must be dropped and why."""

    done: set[UUID] = field(default_factory=set)
    spoiled: dict[UUID, str] = field(default_factory=dict)


@metrics.CLAIM.time()
def take(
    owner: str,
    *,
    limit: int,
    lease: timedelta,
    holding: Collection[UUID],
    suspects: bool,
) -> tuple[datetime, list[Loaded], int]:
    """Claim and load runs; return the time, the runs, and how many were claimed.

    A run that cannot be loaded is given back if a live worker has other code for it, otherwise
    blocked, and spoils nobody else's.
    """
    now = database_now()
    fleet = Fleet(owner, now)
    rows = WorkflowRun.objects.claim(
        owner, now=now, limit=limit, lease=lease, holding=holding, suspects=suspects,
        withheld=fleet.withheld(),
    )  # fmt: skip
    metrics.claimed(rows)
    loaded, refused = [], []
    for one in _load(rows):
        row = one[0]
        found = _guilt(row) or _try_to_prepare(*one)
        if isinstance(found, Loaded):
            loaded.append(found)
        elif not _guilt(row) and fleet.another_may_load(row):
            logger.info("Run %s is left to other code: %s", row.id, found)
            refused.append(row)
        else:
            block(row, found)
    fleet.give_back(refused)
    return now, loaded, len(rows)


def _load(
    rows: Sequence[WorkflowRun],
) -> list[tuple[WorkflowRun, Snapshot | None, list[JournalEntry], list[Delivery]]]:
    """Read what the claimed runs hold: three queries for all of them."""
    if not rows:
        return []
    ids = [row.pk for row in rows]
    snapshots = {
        one.run_id: one for one in Snapshot.objects.filter(run__in=ids, seq=F("run__snapshot_seq"))
    }
    journal: dict[UUID, list[JournalEntry]] = defaultdict(list)
    later = JournalEntry.objects.filter(run__in=ids, seq__gt=F("run__snapshot_seq"))
    for entry in later.order_by("run", "seq"):
        journal[entry.run_id].append(entry)
    waiting = deliveries_for(ids)
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
    machine.admit = check_request
    machine.check_loadable()
    _check_answers(machine, deliveries)
    if not state.begun:
        machine.start(workflow.start_event(row.input))
    return Loaded(row, machine, deliveries)


def _check_answers(machine: Machine, deliveries: Sequence[Delivery]) -> None:
    """Raise `CannotLoad` if an answer on its way, checked by other code, does not fit here."""
    events = machine.workflow.events
    for one in deliveries:
        request = machine.state.requests.get(one.data.get("request_id", ""))
        if one.kind != Delivery.Kind.ANSWER or request is None:
            continue
        reply = request.event.load(events).reply.__name__
        answer = Held(reply, {key: one.data[key] for key in ("request_id", "response")})
        try:
            answer.load(events)
        except CannotLoad as error:
            told = f"{machine} has an answer that does not fit the code of this workflow: {error}."
            raise CannotLoad(told) from error


def block(row: WorkflowRun, reason: str) -> None:
    """Running -> blocked, with a sentence that says why. Nothing if the run changed hands."""
    said = {"run_id": row.id, "workflow": row.workflow}
    logger.error("Run %s of %s is blocked: %s", row.id, row.workflow, reason, extra=said)
    known = row.workflow in registry
    with transaction.atomic():
        mine = WorkflowRun.objects.filter(pk=row.pk, fence=row.fence, status="running")
        touched = mine.update(
            status="blocked",
            lease_owner="",
            wake_at=None,
            refusals="",
            seq=F("seq") + 1,
            signature=registry.get(row.workflow).signature if known else "",
            error={"kind": "Blocked", "message": reason, "step": "", "traceback": ""},
        )
        if touched:
            row.refresh_from_db()
            JournalEntry.objects.create(
                run=row, seq=row.seq, kind="blocked", at=database_now(),
                data={"by": "", "reason": reason},
            )  # fmt: skip


@metrics.COMMIT.time()
def store(writes: Sequence[Write]) -> Stored:
    """Store a batch in one transaction; if it fails, run by run, so that one spoils no other.

    Raise `OperationalError` or `InterfaceError` if the database went away: what was committed is
    unknown then, and every run of the batch has to be loaded again.
    """
    try:
        return Stored(_store(writes))
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        logger.warning("A batch of %s runs was refused; storing run by run.", len(writes))
    result = Stored()
    for write in writes:
        try:
            _free_ids(write)
            result.done |= _store([write])
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError as error:
            result.spoiled[write.run_id] = str(error)
    return result


def _free_ids(write: Write) -> None:
    """Give another row id to a request whose own is taken.

    A request object that a module keeps and several runs return has the same id in all of them;
    it is unique in each run, which is all that was promised.
    """
    ids = [request.pk for request in write.requests]
    taken = set(InputRequest.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for request in write.requests:
        if request.pk in taken:
            request.pk = uuid4()


def _store(writes: Sequence[Write]) -> set[UUID]:
    with transaction.atomic():
        WorkflowRun.objects.filter(pk__in=[write.run_id for write in writes]).lock_in_order()
        done = update_runs(writes)
        kept = [write for write in writes if write.run_id in done]
        JournalEntry.objects.bulk_create([row for write in kept for row in write.journal])
        open_requests([row for write in kept for row in write.requests])
        Snapshot.objects.bulk_create([write.snapshot for write in kept if write.snapshot])
        compact_grown({write.run_id: write.seq for write in kept if write.snapshot})
        applied = [pk for write in kept for pk in write.deliveries]
        if applied:
            seq = WorkflowRun.objects.filter(pk=OuterRef("run_id")).values("seq")
            Delivery.objects.filter(pk__in=applied).update(applied_seq=Subquery(seq))
        ended = [write.run_id for write in kept if write.ends]
        if ended:
            closing = InputRequest.objects.pending().filter(run__in=ended)
            closing.update(status=InputRequest.Status.CANCELLED)
    return done


def release(writes: Collection[tuple[UUID, int]]) -> None:
    """Running -> queued, for runs that this worker gives back as they are."""
    now = database_now()
    for run_id, fence in writes:
        mine = WorkflowRun.objects.filter(pk=run_id, fence=fence, status="running")
        mine.update(status="queued", lease_owner="", wake_at=now)


def any_suspect(owner: str) -> bool:
    """Return True if a run that took its worker down twice wants to be claimed by this one."""
    now = database_now()
    ready = WorkflowRun.objects.claimable(now).filter(takeovers__gte=SUSPECT_FROM)
    return ready.exists() and ready.exclude(Fleet(owner, now).withheld()).exists()
