"""The permissions that the code checks, and groups of people with the same permissions."""

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
    """All people with the same permissions. One statement can be prepared for all of them.

    It can be used in place of a user. The statement then has a parameter `user` for the key.
    """

    permissions: tuple[tuple[str, bool], ...]
    is_authenticated: bool

    @classmethod
    def of(cls, user: User | AnonymousUser) -> Self:
        """Return the profile of `user`."""
        asked = (Perm.DECIDE, Perm.SEE_ALL_REQUESTS, Perm.SEE_ALL_RUNS)
        return cls(tuple((one, user.has_perm(one)) for one in asked), user.is_authenticated)

    @property
    def pk(self) -> Parameter:
        """The parameter for the key of the user."""
        return Parameter("user", models.IntegerField())

    def has_perm(self, permission: str) -> bool:
        """Return True if they have the permission; raise KeyError if the profile lacks it."""
        return dict(self.permissions)[permission]
