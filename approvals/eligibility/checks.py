"""Checks whether a person may decide a request at this time.

After an approval, a claim or an assignment, people may be deactivated, lose a permission, or leave
a group. So the check is repeated each time it matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from approvals.errors import NotPermitted, SecondPersonNeeded
from workflows.models import InputRequest, database_now
from workflows.models.permissions import Perm
from workflows.models.requests.assignment import GROUP, key_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def check_permitted(user: User, request: InputRequest) -> None:
    """Raise `NotPermitted` unless `user` may answer this request, which they see."""
    if not user.has_perm(Perm.DECIDE):
        raise NotPermitted(f"{user.get_username()} may see requests, but not answer them.")
    if request.four_eyes and request.run.has_author(user):
        raise SecondPersonNeeded(
            f"Request {request.id} requires a second person: {user.get_username()} started "
            "its run and cannot answer it."
        )


def may_decide(user: User, request: InputRequest) -> bool:
    """Return True if `user`, just read from the database, may see and answer this request now."""
    if not user.is_active:
        return False
    try:
        check_permitted(user, request)
    except NotPermitted:
        return False
    return InputRequest.objects.visible_to(user).filter(pk=request.pk).exists()


def holder_of(request: InputRequest) -> User | None:
    """Return the holder of the request. A claim ends when its holder may no longer decide."""
    holder = request.holder(database_now()) if request.claimed_by_id else None
    return holder if holder is not None and may_decide(holder, request) else None


def free_lapsed_claim(user: User, request: InputRequest) -> None:
    """Release a claim of another person that no longer counts, so that it blocks nobody."""
    if request.claimed_by_id in (None, user.pk):
        return
    holder = request.holder(database_now())
    if holder is not None and not may_decide(holder, request):
        request.release_claim(of=holder)


def check_may_give(user: User, request: InputRequest) -> None:
    """Raise `SecondPersonNeeded` if `user` started the run and may not choose who approves it."""
    if request.four_eyes and request.run.has_author(user):
        raise SecondPersonNeeded(
            f"Request {request.id} requires a second person: {user.get_username()} started "
            "its run, so somebody else has to reassign it."
        )


def keys_asked(request: InputRequest) -> list[str]:
    """Return the keys of those whom the request named; for an older row, of its assignees."""
    if request.asked_of or not request.assigned:
        return list(request.asked_of)
    return [one.key for one in request.assignments.select_related("user", "group")]


def outside(request: InputRequest, people: Sequence[User | Group]) -> list[User | Group]:
    """Return those of them who are not in the groups that the request names.

    If the request names no group, the result is empty.
    """
    asked = set(keys_asked(request)) if request.assigned else set()
    groups: list[Any] = [key.removeprefix(GROUP) for key in asked if key.startswith(GROUP)]
    if not groups:
        return []
    users = [one.pk for one in people if not isinstance(one, Group)]
    memberships = get_user_model().groups.through.objects.filter(group__in=groups, user__in=users)
    members = set(memberships.values_list("user", flat=True))
    return [
        one
        for one in people
        if key_of(one) not in asked and (isinstance(one, Group) or one.pk not in members)
    ]
