"""Comments on requests."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from workflows.models import InputRequest
from workflows.models.append_only import AppendOnly, AppendOnlyQuerySet


class Comment(AppendOnly):
    """A comment of a reviewer on a request. With `is_system` it is a note of an action of `by`.

    Comments are append-only, like decisions.
    """

    request = models.ForeignKey(InputRequest, models.PROTECT, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()
    is_system = models.BooleanField(default=False)

    objects = AppendOnlyQuerySet["Comment"].as_manager()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.by} on {self.request_id}"
