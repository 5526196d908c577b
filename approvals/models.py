"""Who decided what, what they said to each other, and how each person likes their pages."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.http import QueryDict

from workflows.models import InputRequest
from workflows.models.deadline import EMPTY_DICT
from workflows.models.fields import OrderedJSONField


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Decisions are history: sets of them cannot be edited or deleted either."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse: a decision is never edited."""
        raise DecisionIsFinal

    def delete(self) -> NoReturn:
        """Refuse: a decision is never deleted."""
        raise DecisionIsFinal

    def standing(self) -> DecisionQuerySet:
        """Votes and answers that count: neither withdrawn, nor given to an earlier version."""
        return self.filter(voided_at=None).exclude(kind=Decision.Kind.WITHDRAWN)

    def void(self, at: datetime) -> int:
        """Standing -> void, once. What was decided stays as it was written."""
        return models.QuerySet.update(self.filter(voided_at=None), voided_at=at)


class DecisionIsFinal(TypeError):
    """A decision is never edited or deleted."""

    def __init__(self) -> None:
        super().__init__("A decision is history: it is never edited or deleted.")


class Decision(models.Model):
    """What a person decided on a request, as it was accepted at the one door.

    `revision` is the version of the request that they saw, `edits` what was effective on it by
    then. `voided_at` is when it ceased to count: it was withdrawn, or the request was edited
    by somebody else. Nothing else of the row ever changes.
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
        """Insert; raise `DecisionIsFinal` if the row exists."""
        if not self._state.adding:
            raise DecisionIsFinal
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: a decision is never deleted."""
        raise DecisionIsFinal


class Comment(models.Model):
    """What reviewers say to each other on a request. A note tells what `by` did, not said."""

    request = models.ForeignKey(InputRequest, models.CASCADE, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    is_note = models.BooleanField(default=False)

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
