"""The heartbeat of a worker, and renewing its leases.

A thread of its own does both, so a step that blocks the event loop does not stop them.
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
    """Renews the leases of `runs` and writes the heartbeat, three times in each lease period.

    Without runs it writes only the heartbeat, every `IDLE_INTERVAL` seconds.
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
        """Stop, and wait until a renewal in progress has ended."""
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
            reset_queries()  # in DEBUG Django logs the queries of each thread
        connection.close()


def beat(owner: str, ids: Collection[UUID], lease: timedelta) -> None:
    """Renew the leases of these runs and write the heartbeat."""
    now = database_now()
    if ids:
        WorkflowRun.objects.renew(owner, ids, now + lease)
    if not WorkerHeartbeat.objects.filter(pk=owner).update(seen_at=now):
        signatures = workflow_signatures()
        WorkerHeartbeat.objects.create(pk=owner, signatures=signatures, started_at=now, seen_at=now)
        WorkerHeartbeat.objects.filter(seen_at__lt=now - ROW_KEPT).delete()


def remove(owner: str) -> None:
    """Delete the heartbeat of a worker that ends."""
    WorkerHeartbeat.objects.filter(pk=owner).delete()


def replace_previous(owner: str) -> None:
    """End all leases and delete the heartbeats of all other workers.

    Only for the embedded mode: when its process starts, the process before it has ended.
    """
    WorkerHeartbeat.objects.exclude(pk=owner).delete()
    WorkflowRun.objects.void_leases(database_now())
