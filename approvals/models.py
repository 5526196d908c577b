"""Who decided what, and how each person likes their pages."""

from __future__ import annotations

import zoneinfo
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from workflows.models import InputRequest
from workflows.models.fields import OrderedJSONField


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Decisions are history: sets of them cannot be edited or deleted either."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse: a decision is never edited."""
        raise DecisionIsFinal

    def delete(self) -> NoReturn:
        """Refuse: a decision is never deleted."""
        raise DecisionIsFinal


class DecisionIsFinal(TypeError):
    """A decision is never edited or deleted."""

    def __init__(self) -> None:
        super().__init__("A decision is history: it is never edited or deleted.")


class Decision(models.Model):
    """A person's answer to a request, as it was accepted at the one door."""

    request = models.OneToOneField(InputRequest, models.PROTECT, related_name="decision")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    response = OrderedJSONField(null=True)
    door = models.CharField(max_length=32)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]

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


def check_time_zone(name: str) -> None:
    """Raise `ValidationError` unless `name` is a time zone of the IANA database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone.")


class Preferences(models.Model):
    """How a person likes their pages."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="preferences"
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    keys_on = models.BooleanField("single keys", default=True)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of {self.user}"
