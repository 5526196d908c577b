"""Queries over requests: which a person may see, which are pending, which are overdue."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.db.models import Exists, Q

from workflows.models.permissions import Perm, PermissionProfile
from workflows.models.requests.assignment import Assignment
from workflows.models.requests.unanswerable import Deciders, barred_to_author
from workflows.sql.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from workflows.models.requests.audience import Viewer
    from workflows.models.requests.request import InputRequest

ASSIGNED_OR_CLAIMED = Q(assigned=True) | Q(claimed_by__isnull=False)
"""The condition that a person has a request: it is assigned to them, or they claimed it."""


def in_time(now: datetime | Parameter) -> Q:
    """Return the condition that a person may still answer a request at this time.

    An overdue request may be answered: it stays open, or its default no longer fits.
    """
    overdue = Q(on_deadline="stay_open") | Q(overdue_at__isnull=False)
    return Q(deadline__isnull=True) | Q(deadline__gt=now) | overdue


def free_for(user: User | Parameter, now: datetime | Parameter) -> Q:
    """Return the condition that no other person holds a claim at this time."""
    return Q(claimed_by__isnull=True) | Q(claimed_by=user) | Q(claimed_until__lte=now)


DEFERRED_COLUMNS = (
    "schema", "tags", "default_response", "escalate_to", "search_text", "search_tags",
    "run__input", "run__result", "run__error", "run__progress",
)  # fmt: skip
"""JSON columns that a decision does not need and that may be large. They are deferred."""


@cache
def _one_visible_to(
    model: type[InputRequest], viewer: PermissionProfile, *, people: bool
) -> PreparedQuery:
    requests = InputRequestQuerySet(model).visible_to(viewer)
    one = requests.filter(pk=Parameter("pk", models.UUIDField()))
    if people:
        return PreparedQuery(one.with_people)
    return PreparedQuery(lambda: one.select_related("run").defer(*DEFERRED_COLUMNS))


def _open_to(user: Any) -> Q:
    """Return the condition that the user of this key, if they may decide, may see a request."""
    return Q(assigned=False) | Q(Assignment.objects.all().assigned_subquery(user))


class InputRequestQuerySet(models.QuerySet["InputRequest"]):
    """Queries over many requests."""

    def visible_to(
        self, user: User | AnonymousUser | PermissionProfile | Viewer
    ) -> InputRequestQuerySet:
        """Requests that `user` may see: all, or as a decider the unassigned and their own.

        Every page, count, search, socket and command uses this method.
        """
        if user.has_perm(Perm.SEE_ALL_REQUESTS):
            return self
        if user.has_perm(Perm.DECIDE):
            return self.open_to(user.pk)
        return self.none()

    def one_visible_to(
        self, user: User | AnonymousUser, pk: UUID | str, *, people: bool = False
    ) -> InputRequest | None:
        """Return the request of this key, with its run, if `visible_to` has it.

        With `people` it has what `with_people` adds. The statement is prepared once for all people
        with the same permissions. Raise `ValidationError` if the key is malformed.
        """
        prepared = _one_visible_to(self.model, PermissionProfile.of(user), people=people)
        return next(iter(prepared.fetch(pk=pk, user=user.pk)), None)

    def with_people(self) -> InputRequestQuerySet:
        """Requests with their runs and people, without the columns that only a search needs."""
        related = ("run", "run__started_by", "answered_by", "claimed_by")
        return self.defer("search_text", "search_tags").select_related(*related)

    def open_to(self, user: Any) -> InputRequestQuerySet:
        """Requests that are unassigned, and those assigned to the user of this key."""
        return self.filter(_open_to(user))

    def hidden_from(self, user: User | AnonymousUser) -> InputRequestQuerySet:
        """Requests that `user` may not see, although they may see their run."""
        if user.has_perm(Perm.SEE_ALL_REQUESTS):
            return self.none()
        if user.has_perm(Perm.DECIDE):
            return self.exclude(_open_to(user.pk))
        return self

    def pending(self) -> InputRequestQuerySet:
        """Requests that wait for an answer."""
        return self.filter(status="pending")

    def assigned_to(self, user: User) -> InputRequestQuerySet:
        """Requests that are assigned to `user`, by name or by group."""
        return self.filter(Exists(Assignment.objects.assignments_of(user.pk)))

    def for_user(self, user: User) -> InputRequestQuerySet:
        """Requests that are assigned to `user`, by name or by group, or that `user` has claimed."""
        return self.filter(Q(claimed_by=user) | Exists(Assignment.objects.assignments_of(user.pk)))

    def unanswerable(self) -> InputRequestQuerySet:
        """Pending requests that no active person may answer, because of four eyes and assignees.

        They wait for ever unless they are reassigned, or their run is cancelled. The
        deciders are read at once, by two queries.
        """
        deciders = Deciders.load()
        if not deciders.keys:
            return self.pending()
        return self.pending().filter(deciders.may_lack()).filter(~deciders.may_answer())

    def barred_to_author(self, user: User) -> InputRequestQuerySet:
        """Requests that `user` may not answer: four eyes, and they are an author of the run."""
        return self.filter(barred_to_author(user))

    def overdue(self, now: datetime) -> InputRequestQuerySet:
        """Pending requests whose deadline has passed and that are not marked as overdue yet."""
        return self.pending().filter(deadline__lte=now, overdue_at__isnull=True)

    def due_for_notification(self, now: datetime) -> InputRequestQuerySet:
        """Pending requests that are due for a reminder or an escalation."""
        return self.pending().filter(next_notification_at__lte=now)

    def reopen(self, now: datetime) -> list[UUID]:
        """Cancelled, expired -> pending, for the requests of a failed run that is retried.

        Each has as much time to answer as it had at first. Return their keys.
        """
        closed = self.filter(status__in=["cancelled", "expired"])
        reopened = list(closed.values_list("pk", flat=True))
        timed = Q(deadline__isnull=False) | Q(remind_at__isnull=False)
        for request in closed.filter(timed | Q(escalate_at__isnull=False)):
            closed.filter(pk=request.pk).update(**request.restarted_timers(now))
        closed.update(status="pending", claimed_by=None, claimed_until=None)
        return reopened

    def at_revision(self, request: InputRequest) -> InputRequestQuerySet:
        """This request, if it was not changed since it was read: same version, same votes."""
        return self.filter(pk=request.pk, revision=request.revision, votes=request.votes)
