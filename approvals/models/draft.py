"""Drafts of answers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.http import QueryDict

from workflows.models import InputRequest
from workflows.models.fields import OrderedJSONField


class Draft(models.Model):
    """A draft of an answer: the fields of its form, as they were typed."""

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
        """The fields in the form of a POST."""
        fields = QueryDict(mutable=True)
        for name, values in self.data.items():
            fields.setlist(name, values)
        return fields
