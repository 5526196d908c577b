"""Every permission that the code asks for, and people who are alike in what they may see."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Self

from django.db import models

from workflows.sql.prepared import Parameter

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class Perm(StrEnum):
    """A permission by its full name, as `has_perm` takes it."""

    START_RUNS = "workflows.add_workflowrun"
    SEE_ALL_RUNS = "workflows.view_workflowrun"
    OPERATE_RUNS = "workflows.change_workflowrun"
    SEE_ALL_REQUESTS = "workflows.view_inputrequest"
    DECIDE = "approvals.add_decision"


class PermissionProfile(NamedTuple):
    """Anybody with these permissions, for statements that are written once for all of them.

    Stands where a user does; the statement has a slot `user` where their key would be.
    """

    permissions: tuple[tuple[str, bool], ...]
    is_authenticated: bool

    @classmethod
    def of(cls, user: User | AnonymousUser) -> Self:
        """Return what `user` has in common with others."""
        asked = (Perm.DECIDE, Perm.SEE_ALL_REQUESTS, Perm.SEE_ALL_RUNS)
        return cls(tuple((one, user.has_perm(one)) for one in asked), user.is_authenticated)

    @property
    def pk(self) -> Parameter:
        """The place of the key of whoever it is."""
        return Parameter("user", models.IntegerField())

    def has_perm(self, permission: str) -> bool:
        """Say whether they have it; raise KeyError for one that makes no difference here."""
        return dict(self.permissions)[permission]
