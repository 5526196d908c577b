"""Claiming, loading and storing runs in batches, each a fixed number of queries.

Everything here is synchronous and runs in the worker's database thread, one whole function at a
time.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, OuterRef, Subquery

from workflows.driver.admission import check_request
from workflows.driver.replay import fold
from workflows.driver.rows import update_runs
from workflows.driver.write import Write
from workflows.engine import WorkflowError, registry
from workflows.engine.machine import Machine
from workflows.errors import DurableError
from workflows.models import (
    Delivery,
    InputRequest,
    JournalEntry,
    Snapshot,
    Worker,
    WorkflowRun,
    database_now,
)
from workflows.models.runs import BLOCK_AT, SUSPECT_FROM

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


def take(
    owner: str,
    *,
    limit: int,
    lease: timedelta,
    holding: Collection[UUID],
    suspects: bool,
) -> tuple[datetime, list[Loaded], int]:
    """Claim and load runs; return the time, the runs, and how many were claimed.

    A run that cannot be loaded is blocked, and spoils nobody else's.
    """
    now = database_now()
    rows = WorkflowRun.objects.claim(
        owner, now=now, limit=limit, lease=lease, holding=holding, suspects=suspects
    )
    loaded = []
    for one in _load(rows):
        try:
            loaded.append(_prepare(*one))
        except (WorkflowError, DurableError) as error:
            block(one[0], str(error))
        except Exception as error:
            logger.exception("Run %s cannot be loaded.", one[0].id)
            block(one[0], f"Run {one[0].id} cannot be loaded: {error!r}")
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


def deliveries_for(ids: Collection[UUID]) -> dict[UUID, list[Delivery]]:
    """Return what is on its way to these runs, oldest first."""
    found: dict[UUID, list[Delivery]] = defaultdict(list)
    for one in Delivery.objects.filter(run__in=ids, applied_seq=None).order_by("pk"):
        found[one.run_id].append(one)
    return found


def _prepare(
    row: WorkflowRun,
    snapshot: Snapshot | None,
    entries: list[JournalEntry],
    deliveries: list[Delivery],
) -> Loaded:
    workflow = registry.get(row.workflow)
    if row.takeovers >= BLOCK_AT:
        raise DurableError(
            f"Run {row.id} of {row.workflow!r} was in the hands of {row.takeovers} workers "
            "when they died; it is not tried again by itself."
        )
    state = fold(snapshot, entries)
    if state.seq != row.seq:
        raise DurableError(f"Run {row.id}: its journal ends at {state.seq}, not at {row.seq}.")
    machine = Machine(workflow, str(row.id), state)
    machine.admit = check_request
    machine.check_loadable()
    if not state.begun:
        machine.start(workflow.start_event(row.input))
    return Loaded(row, machine, deliveries)


def block(row: WorkflowRun, reason: str) -> None:
    """Running -> blocked, with a sentence that says why. Nothing if the run changed hands."""
    logger.error("Run %s of %s is blocked: %s", row.id, row.workflow, reason)
    known = row.workflow in registry
    with transaction.atomic():
        mine = WorkflowRun.objects.filter(pk=row.pk, fence=row.fence, status="running")
        touched = mine.update(
            status="blocked",
            lease_owner="",
            wake_at=None,
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
        done = update_runs(writes)
        kept = [write for write in writes if write.run_id in done]
        JournalEntry.objects.bulk_create([row for write in kept for row in write.journal])
        InputRequest.objects.bulk_create([row for write in kept for row in write.requests])
        Snapshot.objects.bulk_create([write.snapshot for write in kept if write.snapshot])
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


def heartbeat(owner: str, ids: Collection[UUID], lease: timedelta) -> None:
    """Renew the leases of these runs and say that the worker lives."""
    now = database_now()
    if ids:
        WorkflowRun.objects.renew(owner, ids, now + lease)
    seen = Worker.objects.filter(pk=owner).update(seen_at=now)
    if not seen:
        Worker.objects.create(pk=owner, started_at=now, seen_at=now)
        Worker.objects.filter(seen_at__lt=now - timedelta(days=1)).delete()


def leave(owner: str) -> None:
    """Say that the worker is gone."""
    Worker.objects.filter(pk=owner).delete()


def unblock_changed() -> int:
    """Blocked -> queued, where this worker's code differs from the code that gave up."""
    now = database_now()
    count = 0
    for workflow in registry:
        blocked = WorkflowRun.objects.filter(status="blocked", workflow=workflow.name)
        count += blocked.exclude(signature=workflow.signature).update(
            status="queued", wake_at=now, error=None, takeovers=0
        )
    return count


def expire_overdue(now: datetime) -> None:
    """Pending -> expired, for requests that nobody answered in time."""
    for request in InputRequest.objects.overdue(now).select_related("run")[:100]:
        try:
            request.expire(now)
        except DurableError:
            logger.info("Request %s was answered just before it expired.", request.pk)


def void_leases() -> None:
    """Let what the process before this one had leased be claimed at once."""
    WorkflowRun.objects.void_leases(database_now())


def any_suspect() -> bool:
    """Return True if a run that took its worker down twice wants to be claimed."""
    ready = WorkflowRun.objects.claimable(database_now())
    return ready.filter(takeovers__gte=SUSPECT_FROM).exists()


@dataclass(slots=True)
class News:
    """What the rows say of the runs in hand: their fence and inbox, and what has come for them."""

    rows: dict[UUID, WorkflowRun]
    deliveries: dict[UUID, list[Delivery]]


def hear(held: Mapping[UUID, int], told: Collection[tuple[UUID, int, Any]], now: datetime) -> News:
    """Expire what is overdue, write down progress, and read the news of the runs in hand."""
    expire_overdue(now)
    for run_id, fence, progress in told:
        WorkflowRun.objects.filter(pk=run_id, fence=fence).update(progress=progress)
    if not held:
        return News({}, {})
    rows = WorkflowRun.objects.filter(pk__in=list(held), status="running").only("fence", "inbox")
    found = {row.pk: row for row in rows}
    behind = [pk for pk, row in found.items() if row.inbox != held[pk]]
    return News(found, deliveries_for(behind) if behind else {})
