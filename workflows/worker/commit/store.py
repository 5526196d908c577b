"""Storing runs in batches: a fixed number of queries each.

All functions are synchronous and run in the worker's database thread, one at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F

from workflows.engine import registry
from workflows.models import InputRequest, JournalEntry, WorkflowRun, database_now
from workflows.observability import metrics
from workflows.realtime import publisher
from workflows.retention.compact import compact_grown, stride
from workflows.sql.json_rows import write_statement
from workflows.worker.commit.commit_sql import write_rows
from workflows.worker.commit.request_routing import assign_recipients
from workflows.worker.commit.run_update import RunUpdate

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Stored:
    """The outcome of a batch: the runs that were stored, and the reason for each that was not."""

    done: set[UUID] = field(default_factory=set)
    failed: dict[UUID, str] = field(default_factory=dict)


def block(row: WorkflowRun, reason: str) -> None:
    """Running -> blocked, with a reason. Does nothing if another worker has leased the run."""
    about = {"run_id": row.id, "workflow": row.workflow}
    logger.error("Run %s of %s is blocked: %s", row.id, row.workflow, reason, extra=about)
    known = row.workflow in registry
    with transaction.atomic():
        leased = WorkflowRun.objects.filter(pk=row.pk, fence=row.fence, status="running")
        touched = leased.update(
            status="blocked",
            lease_owner="",
            wake_at=None,
            incompatible_builds="",
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
            publisher.after_commit(runs=[row.pk], requests_of=[row.pk])


@metrics.COMMIT.time()
def store(updates: Sequence[RunUpdate]) -> Stored:
    """Store a batch in one transaction. If the database refuses it, store it run by run.

    So a bad row fails one run only. Raise `OperationalError` or `InterfaceError` if the connection
    was lost. Then it is unknown whether the batch was committed, and each run has to be loaded
    again.
    """
    try:
        return Stored(_store(updates))
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        logger.warning("A batch of %s runs was refused; storing run by run.", len(updates))
    result = Stored()
    for update in updates:
        try:
            _free_ids(update)
            result.done |= _store([update])
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError as error:
            result.failed[update.run_id] = str(error)
    return result


def _free_ids(update: RunUpdate) -> None:
    """Give another row id to a request whose id is taken.

    If several runs return the same request object of a module, it has the same id in all of them.
    A request id has to be unique in its run only, but a row id in the table.
    """
    ids = [request.pk for request in update.requests]
    taken = set(InputRequest.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for request in update.requests:
        if request.pk in taken:
            request.pk = uuid4()


def _store(updates: Sequence[RunUpdate]) -> set[UUID]:
    assignments = assign_recipients([row for update in updates for row in update.requests])
    grown = {one.run_id: one.seq for one in updates if one.snapshot and one.seq > stride()}
    with transaction.atomic() if grown else write_statement():
        done = write_rows(updates, assignments)
        compact_grown({run_id: seq for run_id, seq in grown.items() if run_id in done})
    return done


def release(owner: str, ids: Collection[UUID] | None = None) -> None:
    """Running -> queued, for the runs that this worker has leased; only those in `ids` if given."""
    leased = WorkflowRun.objects.filter(status="running", lease_owner=owner)
    if ids is not None:
        leased = leased.filter(pk__in=ids)
    with transaction.atomic():
        leased.lock_in_order()
        leased.update(status="queued", lease_owner="", wake_at=database_now())
