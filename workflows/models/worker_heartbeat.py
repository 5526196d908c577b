"""The heartbeats of workers."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

ALIVE = timedelta(seconds=10)  # since a worker was seen; it says so three times a lease


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    """Queries over many workers."""

    def alive(self, now: datetime) -> WorkerHeartbeatQuerySet:
        """Workers with a recent heartbeat. A heartbeat in the future is one from before the clock
        was set back."""
        return self.filter(seen_at__range=(now - ALIVE, now + ALIVE))


class WorkerHeartbeat(models.Model):
    """A worker and the time of its last heartbeat. Pages show a warning if no worker is alive.

    `signatures` are those of the workflows that its code knows, by name.
    """

    id = models.CharField(primary_key=True, max_length=64)
    signatures = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    objects = WorkerHeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.id
