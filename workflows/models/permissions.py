"""Who looks: as much of a person as decides what they may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from django.db import models

from workflows.sql.prepared import Slot

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

DECIDE = "approvals.add_decision"
SEE_ALL = "workflows.view_inputrequest"
SEE_RUNS = "workflows.view_workflowrun"


class Viewer(NamedTuple):
    """Anybody with these permissions, for statements that are written once for all of them.

    Stands where a user does; the statement has a slot `user` where their key would be.
    """

    permissions: tuple[tuple[str, bool], ...]
    is_authenticated: bool

    @classmethod
    def like(cls, user: User | AnonymousUser) -> Self:
        """Return what `user` has in common with others."""
        asked = (DECIDE, SEE_ALL, SEE_RUNS)
        return cls(tuple((one, user.has_perm(one)) for one in asked), user.is_authenticated)

    @property
    def pk(self) -> Slot:
        """The place of the key of whoever it is."""
        return Slot("user", models.IntegerField())

    def has_perm(self, permission: str) -> bool:
        """Say whether they have it; raise KeyError for one that makes no difference here."""
        return dict(self.permissions)[permission]
