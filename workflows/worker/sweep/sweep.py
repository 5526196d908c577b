"""What a worker does once a second, independently of wake-ups.

If nothing is due, this takes one statement.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError

from workflows.models import Delivery, InputRequest, WorkerHeartbeat, WorkflowRun, database_now
from workflows.sql import scalar_queries
from workflows.sql.clock import now_as_scalar
from workflows.sql.lease_runs import ISOLATE_FROM, MAX_LEASE
from workflows.sql.scalar_queries import ScalarQuery
from workflows.worker.code_versions import BuildCompatibility
from workflows.worker.sweep import deadlines

DUE_NAMES = ("overdue", "reminders", "delayed")
READY_NAMES = ("queued", "due", "left", "of_a_wrong_clock")

logger = logging.getLogger(__name__)

CHORES: list[Callable[[datetime], object]] = []
"""Functions of other applications that each sweep calls in the worker's database thread, with the
database's time. A sweep runs once a second, so they limit their own frequency."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The result of a sweep, which polls use until the next one: the time, and the other builds.

    `ready` is True if a run waits for a worker, `poison` if this worker may lease a run that
    crashed its worker twice. `others` identifies the other workers that were alive.
    """

    now: datetime
    builds: BuildCompatibility
    ready: bool
    poison: bool
    others: tuple[int, str | None]


def run_sweep(
    owner: str, now: datetime | None = None, before: SweepResult | None = None
) -> SweepResult:
    """Handle what is due, and look for runs and other workers.

    `now` is the database's time as the worker has computed it. If it is None, it is read from the
    database. If the other workers are those of `before`, their builds are not read again.
    """
    now = now or database_now()
    found = scalar_queries.fetch_scalars(_queries(owner, now))
    if any(found[name] is not None for name in DUE_NAMES):
        deadlines.sweep(found["now"])
    do_chores(found["now"])
    others = (found["workers"].number, found["newest"])
    if before and before.others == others:
        builds = before.builds
    else:
        builds = BuildCompatibility(owner, found["now"])
    ready = any(found[name] is not None for name in READY_NAMES)
    poison = ready and any_poison_run(builds, found["now"])
    return SweepResult(found["now"], builds, ready, poison, others)


def _queries(owner: str, now: datetime) -> dict[str, ScalarQuery]:
    """Return the queries of one statement. Each reads at most the first row of an index."""
    requests, runs = InputRequest.objects.exclude(run__status="blocked"), WorkflowRun.objects
    running = runs.filter(status="running").order_by("wake_at")
    workers = WorkerHeartbeat.objects.alive(now).exclude(pk=owner)
    first = scalar_queries.first_value
    return {
        "now": now_as_scalar(),
        "overdue": first(requests.overdue(now).order_by("deadline"), "pk"),
        "reminders": first(
            requests.due_for_notification(now).order_by("next_notification_at"), "pk"
        ),
        "delayed": first(Delivery.objects.filter(not_before__lte=now).order_by("not_before"), "pk"),
        "queued": first(_ready_order(runs.filter(status="queued")), "pk"),
        "due": first(_ready_order(runs.filter(status="waiting", wake_at__lte=now)), "pk"),
        "left": first(_ready_order(running.filter(wake_at__lte=now)), "pk"),
        "of_a_wrong_clock": first(_ready_order(running.filter(wake_at__gt=now + MAX_LEASE)), "pk"),
        "workers": scalar_queries.bounded_count(workers),
        "newest": first(workers.order_by("-started_at"), "pk"),
    }


def _ready_order(runs: Any) -> Any:
    return runs.filter(wake_at__isnull=False).order_by("wake_at")


def do_chores(now: datetime) -> None:
    """Call the functions of other applications. An error in one of them does not stop the worker.

    Raise only errors of the database connection.
    """
    for chore in CHORES:
        try:
            chore(now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("%s failed; it is tried again.", chore)


def any_poison_run(builds: BuildCompatibility, now: datetime) -> bool:
    """Return True if there is a poison run that this worker may lease."""
    ready = WorkflowRun.objects.leasable(now).filter(crash_count__gte=ISOLATE_FROM)
    if not ready.exists():
        return False
    excluded = builds.excluded()
    return excluded is None or ready.exclude(excluded).exists()
