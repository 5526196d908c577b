"""The decisions of people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from approvals.models.signatures import content_of, sign
from workflows.models import InputRequest
from workflows.models.append_only import AppendOnly, AppendOnlyQuerySet
from workflows.models.fields import OrderedJSONField
from workflows.models.requests.deadlines import EMPTY_DICT


class DecisionQuerySet(AppendOnlyQuerySet["Decision"]):
    """Query sets of decisions. They refuse to edit or delete rows, too."""

    def effective(self) -> DecisionQuerySet:
        """Approvals and answers that count: not withdrawn, and not of an earlier version."""
        return self.filter(superseded_at=None).exclude(kind=Decision.Kind.WITHDRAWN)


class Decision(AppendOnly):
    """The decision of a person on a request, as `decide` accepted it.

    `revision` is the version of the request that they decided on. `edits` are the changes that took
    effect with it. `seen` is the digest of what they saw. `name` is the person's user name at that
    time. `address`, `session` and `account` are those of an `Origin`.

    `superseded_at` is the time from which the decision no longer counts: it was withdrawn, or
    another person edited the request. No other column ever changes. `signature` is the keyed digest
    of the other columns, empty in rows of code without signatures. A `DecisionSeal` adds the
    decision to the chain of all decisions.
    """

    class Kind(models.TextChoices):
        VOTE = "vote"  # an approval while others are missing
        FINAL = "final"  # the answer
        WITHDRAWN = "withdrawn"  # withdraws the decision of this person before it

    request = models.ForeignKey(InputRequest, models.PROTECT, related_name="decisions")
    kind = models.CharField(
        max_length=16, choices=Kind.choices, default=Kind.FINAL, db_default=Kind.FINAL
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    response = OrderedJSONField(null=True)
    edits = OrderedJSONField(default=dict, db_default=EMPTY_DICT, blank=True)
    revision = models.PositiveIntegerField(default=1, db_default=1)
    source = models.CharField(max_length=32)
    name = models.CharField(max_length=254, default="", db_default="")
    address = models.CharField(max_length=45, default="", db_default="", blank=True)
    session = models.CharField(max_length=64, default="", db_default="", blank=True)
    account = models.CharField(max_length=255, default="", db_default="", blank=True)
    seen = models.CharField(max_length=64, default="", db_default="", blank=True)
    signature = models.CharField(max_length=64, default="", db_default="", editable=False)
    superseded_at = models.DateTimeField(null=True, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request"],
                condition=Q(kind="final", superseded_at__isnull=True),
                name="decision_one_final",
            ),
            models.UniqueConstraint(
                fields=["request", "by"],
                condition=Q(kind="vote", superseded_at__isnull=True),
                name="decision_one_vote_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by} on {self.request_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert a signed row; raise `RecordIsFinal` if it exists."""
        if self._state.adding and not self.signature:
            self.sign(self.at)
        super().save(*args, **kwargs)

    def sign(self, at: datetime) -> Decision:
        """Set the time of the decision, and sign the row."""
        self.at = at
        self.name = self.name or self.by.get_username()
        self.signature = sign(content_of(self))
        return self
