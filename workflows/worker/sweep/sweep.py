"""What a worker does once a second, however many wake-ups come.

While nothing is to be done, one statement says so.
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
from workflows.sql.lease_runs import ISOLATE_FROM, LONGEST_LEASE
from workflows.sql.scalar_queries import ScalarQuery
from workflows.worker.code_versions import BuildCompatibility
from workflows.worker.sweep import deadlines

TIMES = ("overdue", "reminders", "delayed")
READY = ("queued", "due", "left", "of_a_wrong_clock")

logger = logging.getLogger(__name__)

CHORES: list[Callable[[datetime], object]] = []
"""What other applications do in the worker's database thread at each sweep. They are given the
database's time, and keep to a pace of their own: a sweep comes once a second."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What polls may know from a moment ago: the time it was, and who else is there.

    `ready` says whether a run wants a worker, `poison` whether one that crashed its worker twice
    wants to be leased by this one. `others` tells the workers apart that were alive.
    """

    now: datetime
    builds: BuildCompatibility
    ready: bool
    poison: bool
    others: tuple[int, str | None]


def run_sweep(
    owner: str, now: datetime | None = None, before: SweepResult | None = None
) -> SweepResult:
    """Do what is due, and look for runs and other workers.

    `now` is the database's time as well as the worker knows it; without it the database is asked.
    `before` spares reading again who else is there, if those are the same.
    """
    now = now or database_now()
    found = scalar_queries.fetch_scalars(_questions(owner, now))
    if any(found[name] is not None for name in TIMES):
        deadlines.sweep(found["now"])
    do_chores(found["now"])
    others = (found["workers"].number, found["newest"])
    if before and before.others == others:
        builds = before.builds
    else:
        builds = BuildCompatibility(owner, found["now"])
    ready = any(found[name] is not None for name in READY)
    poison = ready and any_poison_run(builds, found["now"])
    return SweepResult(found["now"], builds, ready, poison, others)


def _questions(owner: str, now: datetime) -> dict[str, ScalarQuery]:
    """Return what is asked in one statement; each reads the first row of an index, if any."""
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
        "queued": first(_wanting(runs.filter(status="queued")), "pk"),
        "due": first(_wanting(runs.filter(status="waiting", wake_at__lte=now)), "pk"),
        "left": first(_wanting(running.filter(wake_at__lte=now)), "pk"),
        "of_a_wrong_clock": first(_wanting(running.filter(wake_at__gt=now + LONGEST_LEASE)), "pk"),
        "workers": scalar_queries.bounded_count(workers),
        "newest": first(workers.order_by("-started_at"), "pk"),
    }


def _wanting(runs: Any) -> Any:
    return runs.filter(wake_at__isnull=False).order_by("wake_at")


def do_chores(now: datetime) -> None:
    """Let the other applications do theirs; one that fails does not keep the worker from its own.

    Raise only if the database is away.
    """
    for chore in CHORES:
        try:
            chore(now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("%s failed; it is tried again.", chore)


def any_poison_run(builds: BuildCompatibility, now: datetime) -> bool:
    """Return True if a run is there that has to be leased alone, and not by others."""
    ready = WorkflowRun.objects.leasable(now).filter(crash_count__gte=ISOLATE_FROM)
    if not ready.exists():
        return False
    excluded = builds.excluded()
    return excluded is None or ready.exclude(excluded).exists()
