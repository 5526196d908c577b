"""Rate limits for each person, counted in rows and so over all processes.

Decisions are never counted: people with many requests have to be able to answer them.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Case, F, Q, When

from workflows.errors import RateLimitExceeded
from workflows.sql.clock import database_now

MINUTE = 60


class UsageQuerySet(models.QuerySet["Usage"]):
    """The counts."""

    def take(self, user: Any, kind: str) -> None:
        """Count one action of this person in this minute; raise `RateLimitExceeded` if too many.

        The limit is the setting `<KIND>_PER_MINUTE`; 0 is no limit. This takes one UPDATE, and an
        INSERT for the first action of a person.
        """
        limit = getattr(settings, f"{kind.upper()}_PER_MINUTE")
        if limit <= 0:
            return
        now = database_now()
        minute = now.replace(second=0, microsecond=0)
        rows = self.filter(user=user, kind=kind)
        number = Case(When(minute=minute, then=F("number") + 1), default=1)
        free = rows.filter(~Q(minute=minute) | Q(number__lt=limit))
        if free.update(number=number, minute=minute) == 1:
            return
        if rows.filter(minute=minute, number__gte=limit).exists():
            _refuse(kind, limit, MINUTE - now.second)
        try:
            with transaction.atomic():
                self.create(user=user, kind=kind, minute=minute, number=1)
        except IntegrityError:  # another request of this person has inserted the row meanwhile
            self.take(user, kind)


def _refuse(kind: str, limit: int, seconds: int) -> NoReturn:
    raise RateLimitExceeded(
        f"These were more than {limit} {kind} within a minute. Try again in {seconds} seconds.",
        retry_after=seconds,
    )


class Usage(models.Model):
    """The number of actions of one kind by one person in the last minute with such an action."""

    class Kind(models.TextChoices):
        COMMENTS = "comments"
        STARTS = "starts"
        CLAIMS = "claims"
        DRAFTS = "drafts"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    minute = models.DateTimeField()
    number = models.PositiveIntegerField()

    objects = UsageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="usage_once_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.kind} of {self.user_id}"
