"""Claims: a person reserves a request for a while, so that no other person works on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from workflows.errors import RequestClaimed
from workflows.models.requests.queryset import InputRequestQuerySet, free_for, in_time
from workflows.realtime import publisher
from workflows.sql.clock import database_now

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Claimable(models.Model):
    """The claim of a person on a request. It ends at a fixed time, and then blocks nobody."""

    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        db_index=False,
    )  # fmt: skip
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def holder(self, now: datetime) -> User | None:
        """Return who holds the request at this moment, as the row was read."""
        if self.claimed_by is None or self.claimed_until is None or self.claimed_until <= now:
            return None
        return self.claimed_by

    @property
    def held_by(self) -> User | None:
        """Who holds the request now, by this machine's clock. For display in lists only."""
        return self.holder(timezone.now())

    def claim(self, by: User, length: timedelta) -> None:
        """Free -> claimed by `by`, or renew the claim of `by`, by one UPDATE.

        Raise `RequestClaimed` if another person holds the request or it is no longer open.
        """
        now = database_now()
        free = InputRequestQuerySet(type(self)).pending().filter(in_time(now), free_for(by, now))
        if free.filter(pk=self.pk).update(claimed_by=by, claimed_until=now + length) != 1:
            raise RequestClaimed(f"Request {self.pk}", "claimed", "not free")
        self.claimed_by, self.claimed_until = by, now + length
        publisher.after_commit(changed=[self.pk])

    def renew_claim(self, by: User, length: timedelta) -> None:
        """Move the end of the claim of `by`; do nothing if `by` holds none."""
        now = database_now()
        held = InputRequestQuerySet(type(self)).filter(pk=self.pk, claimed_by=by)
        held.filter(claimed_until__gt=now).update(claimed_until=now + length)

    def release_claim(self, *, of: User | None = None) -> bool:
        """Claimed -> free, for any holder or only for `of`; False if there was no such claim."""
        held = InputRequestQuerySet(type(self)).filter(pk=self.pk, claimed_by__isnull=False)
        held = held.filter(claimed_by=of) if of else held
        released = held.update(claimed_by=None, claimed_until=None) == 1
        if released:
            publisher.after_commit(changed=[self.pk])
        return released
