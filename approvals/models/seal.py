"""The chain over all decisions, by which changes behind the application's back are found."""

from __future__ import annotations

from django.db import models

from workflows.models.append_only import AppendOnly, AppendOnlyQuerySet


class DecisionSeal(AppendOnly):
    """One link of the chain over all decisions: a decision was made, or ceased to count.

    `decision` is the key of a decision's row, without a constraint, so that the seal outlives
    it. `content` is the signature of what is sealed. `signature` covers this row and the
    signature of the one before, `number` - 1.
    """

    class Kind(models.TextChoices):
        MADE = "made"
        SUPERSEDED = "superseded"
        ACCEPTED = "accepted"  # a row without a signature, which an operator answers for

    number = models.PositiveBigIntegerField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    decision = models.BigIntegerField()
    content = models.CharField(max_length=64)
    at = models.DateTimeField()
    note = models.CharField(max_length=300, default="", blank=True)
    signature = models.CharField(max_length=64)

    objects = AppendOnlyQuerySet["DecisionSeal"].as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "kind"], name="seal_once_per_decision"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: decision {self.decision} {self.kind}"


class DecisionChain(models.Model):
    """The end of the chain: one row, which is locked by whoever adds a seal."""

    number = models.PositiveBigIntegerField(default=0)
    signature = models.CharField(max_length=64, default="", blank=True)

    def __str__(self) -> str:
        return f"{self.number}:{self.signature}"
