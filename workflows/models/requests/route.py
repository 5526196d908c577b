"""Routes: the recipients of requests that name nobody."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from workflows.models.choices import Priority


class Route(models.Model):
    """The recipients of a workflow's requests that name nobody.

    If a route of the request class and one of the workflow exist, that of the class is used.
    """

    workflow = models.CharField(max_length=100)
    event = models.CharField(
        "request class", max_length=200, blank=True, help_text="Empty: all of the workflow."
    )
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, null=True, blank=True, help_text="Empty: as the request says."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workflow", "event"], name="route_once"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow} {self.event}".strip()
