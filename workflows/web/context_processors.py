"""What the frame of every page says about the machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from workflows.models import WorkerHeartbeat, WorkflowRun
from workflows.models.permissions import PermissionProfile
from workflows.sql import scalar_queries
from workflows.sql.clock import now_as_scalar

MAX_BADGE_COUNT = 99  # as far as a badge counts
WORKER_SILENCE = timedelta(seconds=30)


@cache
def last_heard() -> dict[str, scalar_queries.ScalarQuery]:
    """Return what `silence_of` needs to be read."""
    seen = scalar_queries.first_value(WorkerHeartbeat.objects.order_by("-seen_at"), "seen_at")
    return {"seen": seen, "now": now_as_scalar()}


def silence_of(figures: dict[str, Any]) -> timedelta | None:
    """Return for how long no worker had been heard of; None if none ever was."""
    seen = figures["seen"]
    return None if seen is None else max(figures["now"] - seen, timedelta())


def worker_silence() -> timedelta | None:
    """Return for how long no worker has been heard of; None if none ever was. One query."""
    return silence_of(scalar_queries.fetch_scalars(last_heard()))


def too_long(silence: timedelta | None) -> bool:
    """Say whether runs stand still because no worker was seen for half a minute."""
    return silence is None or silence > WORKER_SILENCE


def worker_is_missing() -> bool:
    """Say so of this moment."""
    return too_long(worker_silence())


@cache
def attention_of(viewer: PermissionProfile) -> dict[str, scalar_queries.ScalarQuery]:
    """Count the runs in trouble, of those that somebody like this may see: those that failed or
    are blocked, and those that keep failing.

    Each has to be looked at for that, on every page, to say what a badge shows. They are
    counted apart, as each has an index.
    """
    runs = WorkflowRun.objects.visible_to(viewer)
    return {
        "stopped": scalar_queries.bounded_count(runs.needing_attention(), most=MAX_BADGE_COUNT),
        "failing": scalar_queries.bounded_count(runs.failing(), most=MAX_BADGE_COUNT),
    }


def frame(request: HttpRequest) -> dict[str, Callable[[], Any] | bool]:
    """Give templates `worker_is_missing`, and `attention_count`, an amount of runs: one query.

    It counts runs that failed, are blocked or keep failing, of those that this person may see. The
    database is asked only where either is drawn; fragments draw neither, so they pay nothing.
    Without a log-in nothing is shown about the worker.
    """

    def signed_in() -> bool:
        return request.user.is_authenticated

    @cache
    def figures() -> dict[str, Any]:
        attention = attention_of(PermissionProfile.of(request.user))
        return scalar_queries.fetch_scalars({**attention, **last_heard()}, user=request.user.pk)

    def attention_count() -> scalar_queries.BoundedCount:
        return scalar_queries.BoundedCount(
            figures()["stopped"].number + figures()["failing"].number, MAX_BADGE_COUNT
        )

    return {
        "worker_is_missing": lambda: signed_in() and too_long(silence_of(figures())),
        "attention_count": attention_count,
        "has_undo": settings.UNDO_SECONDS > 0,
    }
