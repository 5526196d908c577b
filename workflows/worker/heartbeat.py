"""Keeping leases alive from a thread of its own, whatever a step does to the event loop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, reset_queries

from workflows.worker.code_versions import heartbeat

logger = logging.getLogger(__name__)

QUIET = 2.5  # seconds in which a worker without runs need not say twice that it lives


class Lease:
    """Renews, three times a lease, the runs that are in `lives`, and says that the worker lives.

    While it has none it only says so, and that less often.
    """

    def __init__(self, owner: str, lives: Mapping[UUID, Any], length: timedelta) -> None:
        self._owner = owner
        self._lives = lives
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
        beat = -QUIET
        while not self._stopped.wait(self._length.total_seconds() / 3):
            if not self._lives and time.monotonic() - beat < QUIET:
                continue
            try:
                heartbeat(self._owner, list(self._lives), self._length)
                beat = time.monotonic()
            except Exception:
                logger.warning("Leases could not be renewed; trying again.", exc_info=True)
                connection.close()
            reset_queries()  # in DEBUG, as in the worker's thread
        connection.close()
