"""The users and groups that a request is assigned to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.lookups import IsNull

from workflows.engine import UnstorableValue
from workflows.engine.serialization.codec import check_text

if TYPE_CHECKING:
    from django.contrib.auth.models import User

GROUP = "group:"
USER = "user:"


def _groups_of(user: Any) -> models.QuerySet[Group, Any]:
    return Group.objects.filter(user=user).values("pk")


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """Queries over many assignments."""

    def assignments_of(self, user: Any) -> AssignmentQuerySet:
        """Assignments of the outer query's request to the user of this key or a group of theirs."""
        own = Q(user=user) | Q(group__in=_groups_of(user))
        return self.filter(own, request=OuterRef("pk"))

    def assigned_subquery(self, user: Any) -> IsNull:
        """Return the condition that the outer query's request is assigned to the user of this key.

        It checks one request after the other, for pages that read few requests. With an EXISTS
        beside an OR, PostgreSQL would first read all assignments that the user ever had.
        """
        return IsNull(Subquery(self.assignments_of(user).values("pk")[:1]), False)

    def assigned_to(self, user: Any) -> Q:
        """Return the condition that a request is one of all those assigned to the user of this key.

        It reads all assignments of the user first, for queries that search many requests for few.
        """
        own, groups = self.filter(user=user), self.filter(group__in=_groups_of(user))
        return Q(pk__in=own.values("request")) | Q(pk__in=groups.values("request"))


class Assignment(models.Model):
    """A user or a group that may see and answer a request."""

    request = models.ForeignKey(
        "workflows.InputRequest", models.CASCADE, related_name="assignments"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, db_index=False,
        related_name="assignments",
    )  # fmt: skip
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, db_index=False, related_name="assignments"
    )

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True)
                | Q(user__isnull=True, group__isnull=False),
                name="assignment_names_one",
            ),
            models.UniqueConstraint(
                fields=["request", "user"],
                condition=Q(user__isnull=False),
                name="assignment_once_per_user",
            ),
            models.UniqueConstraint(
                fields=["request", "group"],
                condition=Q(group__isnull=False),
                name="assignment_once_per_group",
            ),
        ]
        indexes = [
            models.Index(
                fields=["user", "request"],
                condition=Q(user__isnull=False),
                name="assignment_of_user",
            ),
            models.Index(
                fields=["group", "request"],
                condition=Q(group__isnull=False),
                name="assignment_of_group",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name in the form that requests use: "alice" or "group:finance"."""
        return name_of(self.user or self.group)

    @property
    def key(self) -> str:
        """A key of the user or group that does not change when they are renamed."""
        return key_of(self.user or self.group)


def name_of(one: Any) -> str:
    """Return the name of a user or a group in the form that requests use. It is unambiguous."""
    if isinstance(one, Group):
        return f"{GROUP}{one.name}"
    name: str = one.get_username()
    return f"{USER}{name}" if name.startswith((GROUP, USER)) else name


def key_of(one: Any) -> str:
    """Return the key of a user or a group: "user:3", "group:1"."""
    return f"{GROUP if isinstance(one, Group) else USER}{one.pk}"


def _meant(name: str) -> tuple[str, str]:
    """Return the kind that a name means, `GROUP` or `USER`, and the name without its prefix."""
    for kind in (GROUP, USER):
        if name.startswith(kind):
            return kind, name.removeprefix(kind)
    return USER, name


class Directory:
    """The existing users and groups of a list of names, read by at most two queries.

    "group:finance" names a group, and "user:group:x" the user "group:x". Any other text is the
    name of a user. Names are compared exactly: they are not split, folded or stripped.
    """

    def __init__(self, names: Iterable[str]) -> None:
        wanted = [_meant(name) for name in names if _is_text(name)]
        groups = {name for kind, name in wanted if kind == GROUP}
        users = {name for kind, name in wanted if kind == USER}
        self._found: dict[tuple[str, str], User | Group] = {}
        if users:
            model = get_user_model()
            named = {f"{model.USERNAME_FIELD}__in": users}
            people = model._default_manager.filter(**named, is_active=True)
            self._found.update({(USER, one.get_username()): one for one in people})
        if groups:
            found = Group.objects.filter(name__in=groups)
            self._found.update({(GROUP, one.name): one for one in found})

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return the names that belong to no active user and no group."""
        return [name for name in names if _meant(name) not in self._found]

    def found(self, names: Iterable[str]) -> Iterator[User | Group]:
        """Yield the users and groups that exist, each once."""
        for meant in dict.fromkeys(map(_meant, names)):
            if meant in self._found:
                yield self._found[meant]


def _is_text(name: str) -> bool:
    """Return True if a database can store the name. If it cannot, no user has the name."""
    try:
        check_text(name)
    except UnstorableValue:
        return False
    return True


def assignment(request: models.Model, to: User | Group) -> Assignment:
    """Return the unsaved row that assigns `request` to a user or a group."""
    if isinstance(to, Group):
        return Assignment(request_id=request.pk, group=to)
    return Assignment(request_id=request.pk, user=to)
