"""The journal of a run, and the snapshots from which its state is computed.

Their `run` has no index of its own, because the unique index of each begins with it.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from workflows.models.append_only import AppendOnly, AppendOnlyQuerySet
from workflows.models.fields import OrderedJSONField


class Snapshot(models.Model):
    """The whole state of a run at one `seq`, computed from the journal.

    `data` is the engine's snapshot as JSON. `format` is a copy of the format number in it.
    """

    run = models.ForeignKey(
        "workflows.WorkflowRun", models.CASCADE, related_name="snapshots", db_index=False
    )
    seq = models.PositiveBigIntegerField()
    format = models.PositiveSmallIntegerField()
    data = OrderedJSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "seq"], name="snapshot_once_per_seq"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} at {self.seq}"


class JournalQuerySet(AppendOnlyQuerySet["JournalEntry"]):
    """Queries over journal entries."""

    def prune(self) -> int:
        """Delete these entries and return their number. Only for `workflows.retention`."""
        return models.QuerySet.delete(self)[0]


class JournalEntry(AppendOnly):
    """One transition of a run. A snapshot and the entries after it give the state of the run.

    Only retention deletes entries, by `JournalQuerySet.prune`. `duration` is the number of seconds
    that the step ran, if the entry is about a step.
    """

    run = models.ForeignKey(
        "workflows.WorkflowRun", models.CASCADE, related_name="journal", db_index=False
    )
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=32)
    step = models.CharField(max_length=200, blank=True)
    data = OrderedJSONField()
    at = models.DateTimeField()
    duration = models.FloatField(null=True)

    objects = JournalQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [
            models.UniqueConstraint(fields=["run", "seq"], name="journal_once_per_seq"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} #{self.seq} {self.kind}"
