"""What the frame of every page says about the machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest

from workflows.models import Worker, database_now

WORKER_SILENCE = timedelta(seconds=30)


def worker_silence() -> timedelta | None:
    """Return for how long no worker has been heard of; None if none ever was. One query."""
    seen = Worker.objects.aggregate(seen=Max("seen_at"))["seen"]
    return None if seen is None else max(database_now() - seen, timedelta())


def worker_is_missing() -> bool:
    """Say whether runs stand still because no worker was seen for half a minute."""
    silence = worker_silence()
    return silence is None or silence > WORKER_SILENCE


def workers(request: HttpRequest) -> dict[str, Callable[[], bool] | bool]:
    """Give templates `worker_is_missing`, asked of the database only where it is drawn.

    Fragments are rendered with the same context and do not draw it, so they pay nothing.
    """
    return {"worker_is_missing": worker_is_missing, "debug_mode": settings.DEBUG}
