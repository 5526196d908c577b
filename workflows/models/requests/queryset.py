"""Sets of requests: who may see them, which wait, which are late."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, OuterRef, Q

from workflows.models.permissions import Perm, PermissionProfile
from workflows.models.requests.assignment import Assignment
from workflows.models.runs.author import RunAuthor
from workflows.sql.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from workflows.models.requests.request import InputRequest

ASSIGNED_OR_CLAIMED = Q(assigned=True) | Q(claimed_by__isnull=False)
"""The condition that somebody has a request: it was given to them, or they claimed it."""


def in_time(now: datetime | Parameter) -> Q:
    """Return the condition that a request still takes a person's answer at this moment.

    One that is marked as overdue does: it was to stay open, or its default no longer fits.
    """
    overdue = Q(on_deadline="stay_open") | Q(overdue_at__isnull=False)
    return Q(deadline__isnull=True) | Q(deadline__gt=now) | overdue


def free_for(user: User | Parameter, now: datetime | Parameter) -> Q:
    """Return the condition that nobody else holds a claim at this moment."""
    return Q(claimed_by__isnull=True) | Q(claimed_by=user) | Q(claimed_until__lte=now)


UNREAD = (
    "schema", "tags", "default_response", "escalate_to", "search_text", "search_tags",
    "run__input", "run__result", "run__error", "run__progress",
)  # fmt: skip
"""JSON that no decision looks at, however large it is; whoever does has it read then."""


@cache
def _one_visible_to(
    model: type[InputRequest], viewer: PermissionProfile, *, people: bool
) -> PreparedQuery:
    requests = InputRequestQuerySet(model).visible_to(viewer)
    one = requests.filter(pk=Parameter("pk", models.UUIDField()))
    if people:
        return PreparedQuery(one.with_people)
    return PreparedQuery(lambda: one.select_related("run").defer(*UNREAD))


def _permitted(permission: str) -> models.QuerySet[User]:
    """Return the active people who have this permission, by themselves or through a group."""
    return get_user_model().objects.with_perm(
        permission, backend="django.contrib.auth.backends.ModelBackend"
    )


def deciders() -> models.QuerySet[User]:
    """Return the active people who may answer anything at all."""
    return _permitted(Perm.DECIDE)


def _seers() -> models.QuerySet[User]:
    """Return those deciders who see every request, whomever it was given to."""
    return deciders().filter(pk__in=_permitted(Perm.SEE_ALL_REQUESTS))


def _open_to(user: Any) -> Q:
    """Return the condition that the user of this key may know of a request, if they decide."""
    return Q(assigned=False) | Q(Assignment.objects.all().assigned_subquery(user))


def _able(but: OuterRef | None = None) -> models.QuerySet[Assignment]:
    """Return the assignments of a request that name a decider, perhaps not the one of this key."""
    people = deciders()
    members = get_user_model().groups.through.objects.filter(
        group=OuterRef("group"), user__in=people
    )
    named = Assignment.objects.filter(request=OuterRef("pk"))
    if but is None:
        return named.filter(Q(user__in=people) | Exists(members))
    others = members.exclude(user=OuterRef(but))
    return named.filter((Q(user__in=people) & ~Q(user=but)) | Exists(others))


def _others() -> models.QuerySet[User]:
    """Return the deciders who started neither the outer query's run nor one that it repeats."""
    earlier = RunAuthor.objects.filter(run=OuterRef(OuterRef("run")), user=OuterRef("pk"))
    return deciders().exclude(pk=OuterRef("run__started_by")).exclude(Exists(earlier))


def _others_given() -> models.QuerySet[User]:
    """Return those of them who were given the outer query's request, or see every request."""
    named = Q(assignments__request=OuterRef("pk")) | Q(groups__assignments__request=OuterRef("pk"))
    return _others().filter(named | Q(pk__in=_permitted(Perm.SEE_ALL_REQUESTS)))


class InputRequestQuerySet(models.QuerySet["InputRequest"]):
    """Queries over many requests."""

    def visible_to(self, user: User | AnonymousUser | PermissionProfile) -> InputRequestQuerySet:
        """Requests that `user` may know of: all, or the unassigned and their own, if they decide.

        Every page, count, search, socket and command asks here.
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

        With `people` it is as `with_people` gives it. The statement is written once for all who
        have the same permissions. Raise `ValidationError` for what is no key.
        """
        prepared = _one_visible_to(self.model, PermissionProfile.of(user), people=people)
        return next(iter(prepared.fetch(pk=pk, user=user.pk)), None)

    def with_people(self) -> InputRequestQuerySet:
        """Requests each with its run and its people, without what only a search reads."""
        related = ("run", "run__started_by", "answered_by", "claimed_by")
        return self.defer("search_text", "search_tags").select_related(*related)

    def open_to(self, user: Any) -> InputRequestQuerySet:
        """Requests for everybody who decides, and those given to the user of this key."""
        return self.filter(_open_to(user))

    def hidden_from(self, user: User | AnonymousUser) -> InputRequestQuerySet:
        """Requests that `user` may not know of, though they may see their run."""
        if user.has_perm(Perm.SEE_ALL_REQUESTS):
            return self.none()
        if user.has_perm(Perm.DECIDE):
            return self.exclude(_open_to(user.pk))
        return self

    def pending(self) -> InputRequestQuerySet:
        """Requests that wait for an answer."""
        return self.filter(status="pending")

    def assigned_to(self, user: User) -> InputRequestQuerySet:
        """Requests that were given to `user`, by name or by group."""
        return self.filter(Exists(Assignment.objects.assignments_of(user.pk)))

    def for_user(self, user: User) -> InputRequestQuerySet:
        """Requests that were given to `user`, by name or by group, or that they have claimed."""
        return self.filter(Q(claimed_by=user) | Exists(Assignment.objects.assignments_of(user.pk)))

    def unanswerable(self) -> InputRequestQuerySet:
        """Pending requests that nobody active may answer, four eyes and assignees considered.

        They wait for ever unless somebody is let in, or their run is cancelled.
        """
        own = Q(four_eyes=True, run__started_by__isnull=False)
        repeat = own & Q(run__is_repeat=True)
        given = Q(assigned=True)
        others = deciders().exclude(pk=OuterRef("run__started_by"))
        # Whoever sees all comes first: where there is one, the rows need not be looked at.
        able = Q(Exists(_seers())) | Q(Exists(_able()))
        able_others = Q(Exists(_seers().exclude(pk=OuterRef("run__started_by")))) | Q(
            Exists(_able(but=OuterRef("run__started_by")))
        )
        return self.pending().filter(
            ~Exists(deciders())
            | (own & ~Exists(others))
            | (given & ~able)
            | (given & own & ~able_others)
            | (repeat & ~Exists(_others()))
            | (repeat & given & ~Exists(_others_given()))
        )

    def overdue(self, now: datetime) -> InputRequestQuerySet:
        """Pending requests whose deadline has passed, and of which nobody has said so yet."""
        return self.pending().filter(deadline__lte=now, overdue_at__isnull=True)

    def due_for_notification(self, now: datetime) -> InputRequestQuerySet:
        """Pending requests that are due for a reminder or an escalation."""
        return self.pending().filter(next_notification_at__lte=now)

    def reopen(self, now: datetime) -> None:
        """Cancelled, expired -> pending, for the requests of a failed run that is retried.

        Each has as much time again as it had at first.
        """
        closed = self.filter(status__in=["cancelled", "expired"])
        timed = Q(deadline__isnull=False) | Q(remind_at__isnull=False)
        for request in closed.filter(timed | Q(escalate_at__isnull=False)):
            closed.filter(pk=request.pk).update(**request.restarted_timers(now))
        closed.update(status="pending", claimed_by=None, claimed_until=None)

    def at_revision(self, request: InputRequest) -> InputRequestQuerySet:
        """This one request, if it is still as it was read: same version, same votes."""
        return self.filter(pk=request.pk, revision=request.revision, votes=request.votes)
