"""The chain of seals over all decisions, by which changes outside the application are found."""

from __future__ import annotations

from django.db import models

from workflows.models.append_only import AppendOnly, AppendOnlyQuerySet


class DecisionSeal(AppendOnly):
    """One seal of the chain: a decision was made, or it no longer counts.

    `decision` is the key of a decision, without a constraint, so that the seal stays if the row is
    deleted. `content` is the signature of the sealed data. `signature` covers this row and the
    signature of the seal before it, `number` - 1.
    """

    class Kind(models.TextChoices):
        MADE = "made"
        SUPERSEDED = "superseded"
        ACCEPTED = "accepted"  # a row without a signature that an operator has accepted

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
    """The end of the chain: one row, which is locked while a seal is added."""

    number = models.PositiveBigIntegerField(default=0)
    signature = models.CharField(max_length=64, default="", blank=True)

    def __str__(self) -> str:
        return f"{self.number}:{self.signature}"
