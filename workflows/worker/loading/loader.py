"""Leasing runs and loading their state, in batches with a fixed number of queries.

All functions are synchronous and run in the worker's database thread, one at a time.
"""

from __future__ import annotations

import logging
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
from workflows.models import Delivery, WorkflowRun, database_now
from workflows.models.runs.queryset import BLOCK_AT
from workflows.observability import metrics
from workflows.worker.code_versions import BuildCompatibility
from workflows.worker.commit.row_builder import check_payload_limits
from workflows.worker.commit.store import block, release
from workflows.worker.loading.history import StoredRun, read_leased
from workflows.worker.loading.replay import fold

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class LeasedRun:
    """A leased run with its state, ready to continue."""

    row: WorkflowRun
    machine: Machine
    deliveries: list[Delivery]


@metrics.LEASE.time()
def lease_and_load(
    owner: str,
    *,
    limit: int,
    duration: timedelta,
    holding: Collection[UUID],
    poison: bool,
    builds: BuildCompatibility | None = None,
) -> tuple[datetime | None, list[LeasedRun], int]:
    """Lease and load runs. Return the database's time, the loaded runs, and the number of leases.

    The time is None if no run was leased. `builds` may be some seconds old: before a run is
    blocked, the other builds are read again. A run that cannot be loaded is given back if a live
    worker has another build for it, otherwise blocked. This does not affect the other runs. With
    `poison`, only runs that have crashed their worker twice are leased, otherwise only others.
    """
    builds = builds or BuildCompatibility(owner, database_now())
    rows = WorkflowRun.objects.lease(
        owner, limit=limit, duration=duration, holding=holding, poison=poison,
        excluded=builds.excluded(),
    )  # fmt: skip
    if not rows:
        return None, [], 0
    assert rows[0].wake_at
    now = rows[0].wake_at - duration
    metrics.count_leased(rows)
    return now, _prepare_all(owner, read_leased(owner, [row.pk for row in rows]), now), len(rows)


def load_leased(owner: str, ids: Collection[UUID], now: datetime) -> list[LeasedRun]:
    """Load runs that transactions of this process have leased to this worker.

    A run whose lease has ended is given back, because another worker may be leasing it. A run
    that this worker no longer has is left out.
    """
    found = read_leased(owner, ids)
    stored = [one for one in found if one.row.wake_at and one.row.wake_at > now]
    if late := [one.row.pk for one in found if one not in stored]:
        release(owner, late)
    metrics.count_leased([one.row for one in stored])
    return _prepare_all(owner, stored, now)


def prepare_new(row: WorkflowRun) -> LeasedRun | None:
    """Return a new run that was leased, from its row in memory; None if it has to be loaded."""
    found = _try_to_prepare(StoredRun(row, None, [], []))
    if not isinstance(found, LeasedRun):
        return None
    metrics.count_leased([row])
    return found


def _prepare_all(owner: str, stored: Sequence[StoredRun], now: datetime) -> list[LeasedRun]:
    """Return leased runs ready to continue; give back or block those that cannot be loaded."""
    loaded, rejected = [], []
    for one in stored:
        found = _crash_limit_error(one.row) or _try_to_prepare(one)
        if isinstance(found, LeasedRun):
            loaded.append(found)
        else:
            rejected.append((one.row, found))
    if rejected:
        _reject(BuildCompatibility(owner, now), rejected)
    # Loading these runs did not crash the worker.
    WorkflowRun.objects.mark_idle([one.row for one in loaded])
    return loaded


def _reject(builds: BuildCompatibility, rejected: Sequence[tuple[WorkflowRun, str]]) -> None:
    """Give back the runs that another build of a live worker may load, and block the others."""
    for_others = []
    for row, reason in rejected:
        if not _crash_limit_error(row) and builds.another_may_load(row):
            logger.info("Run %s is given back for a worker with other code: %s", row.id, reason)
            for_others.append(row)
        else:
            block(row, reason)
    builds.give_back(for_others)


def _crash_limit_error(row: WorkflowRun) -> str:
    """Return the error of a run that crashed too many workers, otherwise an empty text."""
    if row.crash_count < BLOCK_AT:
        return ""
    return (
        f"Run {row.id} of {row.workflow!r} was active on {row.crash_count} workers "
        "when they crashed; it is not tried again automatically."
    )


def _try_to_prepare(stored: StoredRun) -> LeasedRun | str:
    """Return the run ready to continue, or the reason why it cannot be loaded."""
    row = stored.row
    try:
        return _prepare(stored)
    except (WorkflowError, DurableError) as error:
        return str(error)
    except Exception as error:
        logger.exception("Run %s cannot be loaded.", row.id, extra={"run_id": row.id})
        return f"Run {row.id} cannot be loaded: {error!r}"


def _prepare(stored: StoredRun) -> LeasedRun:
    row, deliveries = stored.row, stored.deliveries
    workflow = registry.get(row.workflow)
    state = fold(stored.snapshot, stored.entries)
    if state.seq != row.seq:
        raise DurableError(f"Run {row.id}: its journal ends at {state.seq}, not at {row.seq}.")
    machine = Machine(workflow, str(row.id), state)
    machine.validate_request = check_payload_limits
    machine.check_compatible()
    _check_answers(machine, deliveries)
    if not state.begun:
        machine.start(_start(workflow, row.input))
    return LeasedRun(row, machine, deliveries)


def _start(workflow: Definition, given: Any) -> StoredEvent:
    """Return the input, which was validated at the start of the run; raise `IncompatibleRun`."""
    stored = StoredEvent(workflow.start_class.__name__, given)
    stored.to_event(workflow.events)
    return stored


def _check_answers(machine: Machine, deliveries: Sequence[Delivery]) -> None:
    """Raise `IncompatibleRun` if a pending answer that another build checked does not fit."""
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
            message = (
                f"{machine} has an answer that does not fit the code of this workflow: {error}."
            )
            raise IncompatibleRun(message) from error
