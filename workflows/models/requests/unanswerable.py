"""Finds the requests that nobody can answer, and the people who may answer requests.

To check each pending request would take long where many wait. The deciders are few. So they are
read first, and only those requests are checked that these people could leave unanswered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import Exists, OuterRef, Q

from workflows.models.permissions import Perm
from workflows.models.requests.assignment import Assignment
from workflows.models.runs.author import RunAuthor
from workflows.models.runs.run import WorkflowRun
from workflows.sql.prepared import PreparedQuery

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def _permitted(label: str) -> models.QuerySet[User]:
    """Return the active people who have this permission, directly or by a group.

    They are those of `UserManager.with_perm`, which checks one person after the other.
    """
    app, codename = label.split(".")
    people = get_user_model()
    wanted = Permission.objects.filter(codename=codename, content_type__app_label=app)
    named = people.user_permissions.through.objects.filter(permission__in=wanted)
    members = people.groups.through.objects.filter(group__permissions__in=wanted)
    given = Q(pk__in=named.values("user")) | Q(pk__in=members.values("user"))
    return people._default_manager.filter(given | Q(is_superuser=True), is_active=True)


def deciders() -> models.QuerySet[User]:
    """Return the active people who may answer requests."""
    return _permitted(Perm.DECIDE)


DECIDERS = PreparedQuery(lambda: deciders().only("pk"))
SEEING_ALL = PreparedQuery(lambda: _permitted(Perm.SEE_ALL_REQUESTS).only("pk"))


def _runs(**columns: Any) -> models.QuerySet[Any, Any]:
    return WorkflowRun.objects.filter(**columns).order_by().values("pk")


def barred_to_author(user: User) -> Q:
    """Return the condition that `user` may not answer a request because of four eyes."""
    repeats = RunAuthor.objects.filter(user=user).values("run")
    return Q(four_eyes=True, run__in=_runs(started_by=user).union(repeats))


@dataclass(frozen=True, slots=True)
class Deciders:
    """The keys of the active people who may answer requests, and of those who see every request."""

    keys: frozenset[Any]
    seeing_all: frozenset[Any]

    @classmethod
    def load(cls) -> Self:
        """Read them: two queries."""
        keys = frozenset(user.pk for user in DECIDERS.fetch())
        return cls(keys, keys.intersection(user.pk for user in SEEING_ALL.fetch()))

    def may_lack(self) -> Q:
        """Return a condition that each request without a decider meets, and few others.

        If somebody sees every request, only four eyes can leave a request without a decider: the
        one person who could answer it started the run, or the run repeats one of other authors.
        """
        runs = _runs(is_repeat=True)
        for people in {self.keys, self.seeing_all}:
            if len(people) == 1:
                runs = runs.union(_runs(started_by__in=people))
        own = Q(four_eyes=True, run__in=runs)
        if self.seeing_all:
            return own
        return own | (Q(assigned=True) & (Q(four_eyes=True) | ~Q(self._has_able_assignee())))

    def _has_able_assignee(self) -> Exists:
        """Return the condition that a request is assigned to a decider, or a group with one."""
        members = get_user_model().groups.through.objects.filter(user__in=self.keys)
        able = Q(user__in=self.keys) | Q(group__in=members.values("group"))
        return Exists(Assignment.objects.filter(able, request=OuterRef("pk")))

    def may_answer(self) -> Exists:
        """Return the condition that one of them may answer a request: four eyes and assignees."""
        given = Assignment.objects.filter(request=OuterRef(OuterRef("pk")))
        groups = get_user_model().groups.through.objects.filter(user=OuterRef(OuterRef("pk")))
        named = Exists(given.filter(user=OuterRef("pk")))
        member = Exists(given.filter(group__in=groups.values("group")))
        wrote = Q(started_by=OuterRef("pk")) | Q(earlier_authors__user=OuterRef("pk"))
        is_author = Exists(WorkflowRun.objects.filter(wrote, pk=OuterRef(OuterRef("run"))))
        people = get_user_model()._default_manager.filter(pk__in=self.keys)
        people = people.alias(assigned=_outer("assigned"), four_eyes=_outer("four_eyes"))
        sees = Q(assigned=False) | Q(pk__in=self.seeing_all) | Q(named) | Q(member)
        return Exists(people.filter(sees).exclude(is_author, four_eyes=True))


def _outer(column: str) -> models.ExpressionWrapper[Any]:
    return models.ExpressionWrapper(OuterRef(column), models.BooleanField())
