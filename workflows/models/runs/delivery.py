"""Deliveries to runs. `run` has no index of its own, because `delivery_by_run` begins with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models.functions import Now

from workflows.models.fields import OrderedJSONField


class Delivery(models.Model):
    """An answer or a command for a run. It is stored before it is acknowledged.

    `applied_seq` is the `seq` of the journal at which the run applied it. An answer that may still
    be undone has a `not_before`. No worker reads it until the sweep delivers it.
    """

    class Kind(models.TextChoices):
        ANSWER = "answer"  # data: request_id, response, by, source; edits if any
        EXPIRE = "expire"  # data: request_id
        PAUSE = "pause"  # data: by
        RESUME = "resume"  # data: by

    run = models.ForeignKey(
        "workflows.WorkflowRun", models.CASCADE, related_name="deliveries", db_index=False
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    data = OrderedJSONField()
    created_at = models.DateTimeField(db_default=Now())
    applied_seq = models.PositiveBigIntegerField(null=True)
    not_before = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["run", "applied_seq"], name="delivery_by_run"),
            models.Index(
                fields=["not_before"],
                condition=models.Q(not_before__isnull=False),
                name="delivery_held_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.run_id}"

    @classmethod
    def revoke(cls, run_id: UUID, request_id: str, now: datetime) -> bool:
        """Delete the delayed answer to a request; return False if there is none.

        The caller has locked the run, so that the sweep cannot deliver the answer meanwhile.
        """
        held = cls.objects.filter(run=run_id, applied_seq=None, not_before__gt=now)
        found = [one.pk for one in held if one.data.get("request_id") == request_id]
        count, _ = cls.objects.filter(pk__in=found).delete()
        return count == 1
