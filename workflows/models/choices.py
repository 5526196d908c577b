"""The priorities of requests."""

from django.db import models


class Priority(models.IntegerChoices):
    """The priority of a request. A request with a higher one comes first in the inbox."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4

    @classmethod
    def named(cls, name: str) -> "Priority":
        """Return the priority named "low", "normal", "high" or "urgent"."""
        return cls[name.upper()]
