"""The workers that have been seen."""

from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """A process that drives runs, and when it last said so. A page warns when none was seen."""

    id = models.CharField(primary_key=True, max_length=64)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.id
