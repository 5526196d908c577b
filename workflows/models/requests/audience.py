"""Who may see a request, in memory: `visible_to` for many people at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import UUID

from workflows.models.permissions import Perm
from workflows.models.requests.assignment import Assignment

if TYPE_CHECKING:
    from workflows.models.requests.request import InputRequest


class Viewer(NamedTuple):
    """A person as far as it decides what they may see. It can be used in place of a user."""

    pk: Any
    permissions: frozenset[str]
    groups: frozenset[int]

    @property
    def key(self) -> str:
        """The key of the person as text, as messages have it."""
        return str(self.pk)

    @property
    def is_authenticated(self) -> bool:
        """True: only people with a login are viewers."""
        return True

    def has_perm(self, permission: str) -> bool:
        """Return True if they have this permission."""
        return permission in self.permissions


class Audience(NamedTuple):
    """The people who may see a request, beside those who see all requests.

    With `is_open` it is unassigned: everybody who decides may see it. Otherwise these users, by
    their keys as text, and the members of these groups may, if they decide.
    """

    is_open: bool
    users: frozenset[str] = frozenset()
    groups: frozenset[int] = frozenset()

    def includes(self, viewer: Viewer) -> bool:
        """Return True if this person may see the request."""
        if Perm.SEE_ALL_REQUESTS in viewer.permissions:
            return True
        if Perm.DECIDE not in viewer.permissions:
            return False
        named = self.is_open or viewer.key in self.users
        return named or not self.groups.isdisjoint(viewer.groups)

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which messages have it."""
        return {
            "is_open": self.is_open, "users": sorted(self.users), "groups": sorted(self.groups),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read the output of `as_dict`."""
        return cls(data["is_open"], frozenset(data["users"]), frozenset(data["groups"]))


def audience_of(request: InputRequest) -> Audience:
    """Return who may see this request now."""
    return audiences_of([request.pk])[request.pk] if request.assigned else Audience(is_open=True)


def audiences_of(assigned: Iterable[UUID]) -> dict[UUID, Audience]:
    """Return the audiences of these requests, which are all assigned, by one query."""
    keys = list(assigned)
    users: dict[UUID, set[str]] = {key: set() for key in keys}
    groups: dict[UUID, set[int]] = {key: set() for key in keys}
    if keys:
        rows = Assignment.objects.filter(request__in=keys)
        for row in rows:
            if row.user_id is not None:
                users[row.request_id].add(str(row.user_id))
            elif row.group_id is not None:
                groups[row.request_id].add(row.group_id)
    return {key: Audience(False, frozenset(users[key]), frozenset(groups[key])) for key in keys}
