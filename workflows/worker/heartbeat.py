"""Saying that a worker lives, and renewing its leases.

Both are done from a thread of its own, whatever a step does to the event loop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, reset_queries

from workflows.models import WorkerHeartbeat, WorkflowRun, database_now
from workflows.worker.code_versions import workflow_signatures

logger = logging.getLogger(__name__)

IDLE_INTERVAL = 2.5  # seconds between two heartbeats of a worker without runs
ROW_KEPT = timedelta(days=1)  # after which the row of a dead worker is deleted


class LeaseRenewer:
    """Renews, three times a lease, the leases of `runs`, and says that the worker lives.

    While there are none it only says so, and that less often.
    """

    def __init__(self, owner: str, runs: Mapping[UUID, Any], length: timedelta) -> None:
        self._owner = owner
        self._runs = runs
        self._length = length
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workflow-lease", daemon=True)

    def start(self) -> None:
        """Begin renewing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for a renewal that is under way."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        last = -IDLE_INTERVAL
        while not self._stopped.wait(self._length.total_seconds() / 3):
            if not self._runs and time.monotonic() - last < IDLE_INTERVAL:
                continue
            try:
                beat(self._owner, list(self._runs), self._length)
                last = time.monotonic()
            except Exception:
                logger.warning("Leases could not be renewed; trying again.", exc_info=True)
                connection.close()
            reset_queries()  # in DEBUG, as in the worker's thread
        connection.close()


def beat(owner: str, ids: Collection[UUID], lease: timedelta) -> None:
    """Renew the leases of these runs and say that the worker lives."""
    now = database_now()
    if ids:
        WorkflowRun.objects.renew(owner, ids, now + lease)
    if not WorkerHeartbeat.objects.filter(pk=owner).update(seen_at=now):
        signatures = workflow_signatures()
        WorkerHeartbeat.objects.create(pk=owner, signatures=signatures, started_at=now, seen_at=now)
        WorkerHeartbeat.objects.filter(seen_at__lt=now - ROW_KEPT).delete()


def remove(owner: str) -> None:
    """Say that the worker is gone."""
    WorkerHeartbeat.objects.filter(pk=owner).delete()


def replace_previous(owner: str) -> None:
    """Take the place of the process before this one: nobody else lives, no lease stands.

    For the embedded mode only, where a start proves that the process before it is gone.
    """
    WorkerHeartbeat.objects.exclude(pk=owner).delete()
    WorkflowRun.objects.void_leases(database_now())
