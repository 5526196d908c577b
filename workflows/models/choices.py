"""How soon a request wants to be looked at."""

from django.db import models


class Priority(models.IntegerChoices):
    """Ordered: the higher comes first in the inbox."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4

    @classmethod
    def named(cls, name: str) -> "Priority":
        """Return the one that a request calls "low", "normal", "high" or "urgent"."""
        return cls[name.upper()]
