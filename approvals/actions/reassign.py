"""Reassigns a request to other people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from approvals.actions.preconditions import check_open, find
from approvals.eligibility.candidates import unfit
from approvals.eligibility.checks import check_may_give, keys_asked
from approvals.errors import Closed, Invalid, NotPermitted
from approvals.models import Comment
from workflows.models import Assignment, InputRequest, database_now
from workflows.models.permissions import Perm
from workflows.models.requests.assignment import GROUP, Directory, assignment
from workflows.models.requests.audience import audience_of
from workflows.realtime import publisher

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_ASSIGNEES = 50  # names in one reassignment


def reassign(user: User, request_id: UUID | str, *, to: Sequence[str]) -> InputRequest:
    """Assign a request to these users and groups only, and release its claim.

    Operators and assignees may do this. Only operators may assign it to everybody, by an empty
    list. With four eyes the person who started the run may not. A request that names a group can
    only be assigned to people of that group. Raise the errors of `decide`; `Invalid` lists the
    names that cannot decide it, whether they exist or not.
    """
    request = find(user, request_id)
    check_may_give(user, request)
    if not may_reassign(user, request):
        raise NotPermitted(f"Request {request.id} cannot be reassigned by {user.get_username()}.")
    check_open(request)
    names = list(dict.fromkeys(name.strip() for name in to if name.strip()))
    directory = Directory(names[: MAX_ASSIGNEES + 1])
    _check_names(user, request, names, directory)
    with transaction.atomic():
        open_ = InputRequest.objects.pending().filter(pk=request.pk)
        seen_before = audience_of(request)
        columns = {"assigned": bool(names), "asked_of": keys_asked(request)}
        if open_.update(**columns, claimed_by=None, claimed_until=None) != 1:
            raise Closed(f"Request {request.id} takes no answers any more.")
        Assignment.objects.filter(request=request).delete()
        rows = [assignment(request, one) for one in directory.found(names)]
        Assignment.objects.bulk_create(rows)
        text = f"reassigned this to {', '.join(names)}" if names else "reassigned this to everybody"
        Comment.objects.create(
            request=request, by=user, at=database_now(), text=text, is_system=True
        )
        publisher.after_commit(
            runs=[request.run_id], added=[request.pk],
            seen_before={request.pk: seen_before.as_dict()},
        )  # fmt: skip
    return request


def may_reassign(user: User, request: InputRequest) -> bool:
    """Return True if `user` may reassign this request."""
    if request.four_eyes and request.run.has_author(user):
        return False
    if user.has_perm(Perm.OPERATE_RUNS):
        return True
    return InputRequest.objects.filter(pk=request.pk).assigned_to(user).exists()


def _check_names(
    user: User, request: InputRequest, names: Sequence[str], directory: Directory
) -> None:
    fault = ""
    if len(names) > MAX_ASSIGNEES:
        fault = f"At most {MAX_ASSIGNEES} names"
    elif wrong := unfit(request, names, directory):
        fault = (
            f"This request cannot be reassigned to {', '.join(map(repr, wrong))}: "
            "enter active people, or groups with a member, who may decide it"
        )
    elif not names and not user.has_perm(Perm.OPERATE_RUNS):
        fault = "Enter a name"
    elif not names and any(key.startswith(GROUP) for key in keys_asked(request)):
        fault = "The request was addressed to a group: enter a member of that group"
    if fault:
        raise Invalid(request.id, [{"loc": ("to",), "msg": fault, "type": "names"}])
