"""Who decided what, what they said to each other, and how each person likes their pages."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.http import QueryDict

from approvals.audit.signatures import content_of, sign
from workflows.models import InputRequest
from workflows.models.append_only import AppendOnly, AppendOnlyQuerySet
from workflows.models.fields import OrderedJSONField
from workflows.models.requests.deadlines import EMPTY_DICT


class DecisionQuerySet(AppendOnlyQuerySet["Decision"]):
    """Decisions are history: sets of them cannot be edited or deleted either."""

    def standing(self) -> DecisionQuerySet:
        """Votes and answers that count: neither withdrawn, nor given to an earlier version."""
        return self.filter(voided_at=None).exclude(kind=Decision.Kind.WITHDRAWN)

    def void(self, at: datetime) -> int:
        """Standing -> void, once. What was decided stays as it was written.

        In a transaction: that they cease to count is sealed with it.
        """
        from approvals.audit.seals import seal_voided

        with transaction.atomic():
            rows = list(self.filter(voided_at=None).select_for_update())
            keys = [one.pk for one in rows]
            standing: models.QuerySet[Decision] = models.QuerySet(self.model, using=self.db).filter(
                voided_at=None
            )
            count = standing.filter(pk__in=keys).update(voided_at=at) if keys else 0
            seal_voided(rows, at)
        return count


class Decision(AppendOnly):
    """What a person decided on a request, as it was accepted at the one door.

    `revision` is the version of the request that they decided on, `edits` what was effective on
    it by then; `seen` is the digest of what they saw. `name` is the person's user name at that
    time; `address`, `session` and `account` are those of an `Origin`. `voided_at` is when it
    ceased to count: it was withdrawn, or the request was edited by somebody else. Nothing else
    of the row ever changes: `signature` is the keyed digest of it, empty in rows that code wrote
    which did not know of it. A `DecisionSeal` chains it to the decisions before.
    """

    class Kind(models.TextChoices):
        VOTE = "vote"  # an approval while others are still missing
        FINAL = "final"  # the answer
        WITHDRAWN = "withdrawn"  # says that the one before it of this person was taken back

    request = models.ForeignKey(InputRequest, models.PROTECT, related_name="decisions")
    kind = models.CharField(
        max_length=16, choices=Kind.choices, default=Kind.FINAL, db_default=Kind.FINAL
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    response = OrderedJSONField(null=True)
    edits = OrderedJSONField(default=dict, db_default=EMPTY_DICT, blank=True)
    revision = models.PositiveIntegerField(default=1, db_default=1)
    door = models.CharField(max_length=32)
    name = models.CharField(max_length=254, default="", db_default="")
    address = models.CharField(max_length=45, default="", db_default="", blank=True)
    session = models.CharField(max_length=64, default="", db_default="", blank=True)
    account = models.CharField(max_length=255, default="", db_default="", blank=True)
    seen = models.CharField(max_length=64, default="", db_default="", blank=True)
    signature = models.CharField(max_length=64, default="", db_default="", editable=False)
    voided_at = models.DateTimeField(null=True, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request"],
                condition=Q(kind="final", voided_at__isnull=True),
                name="decision_one_final",
            ),
            models.UniqueConstraint(
                fields=["request", "by"],
                condition=Q(kind="vote", voided_at__isnull=True),
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
        """Say when it was decided, and sign everything that the row says by then."""
        self.at = at
        self.name = self.name or self.by.get_username()
        self.signature = sign(content_of(self))
        return self


class DecisionSeal(AppendOnly):
    """One link of the chain over all decisions: a decision was made, or ceased to count.

    `decision` is the key of a decision's row, without a constraint, so that the seal outlives
    it. `content` is the signature of what is sealed. `signature` covers this row and the
    signature of the one before, `number` - 1.
    """

    class Kind(models.TextChoices):
        MADE = "made"
        VOIDED = "voided"
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


class Comment(AppendOnly):
    """What reviewers say to each other on a request. A note tells what `by` did, not said.

    Append-only, as decisions are.
    """

    request = models.ForeignKey(InputRequest, models.PROTECT, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    is_note = models.BooleanField(default=False)

    objects = AppendOnlyQuerySet["Comment"].as_manager()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.by} on {self.request_id}"


class Draft(models.Model):
    """An answer that somebody has begun: the fields of its form, as they were typed."""

    request = models.ForeignKey(  # `draft_once_a_person` begins with it
        InputRequest, models.CASCADE, related_name="drafts", db_index=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts")
    data = OrderedJSONField()
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "user"], name="draft_once_a_person"),
        ]

    def __str__(self) -> str:
        return f"draft of {self.user} on {self.request_id}"

    @property
    def typed(self) -> QueryDict:
        """The fields as a form reads them."""
        fields = QueryDict(mutable=True)
        for name, values in self.data.items():
            fields.setlist(name, values)
        return fields


def check_time_zone(name: str) -> None:
    """Raise `ValidationError` unless `name` is a time zone of the IANA database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone.")


class Preferences(models.Model):
    """How a person likes their pages. An empty `time_zone` is that of the browser."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="preferences"
    )
    time_zone = models.CharField(
        max_length=64, blank=True, default="", validators=[check_time_zone]
    )
    keys_on = models.BooleanField("single keys", default=True, db_default=True)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of {self.user}"
