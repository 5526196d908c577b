"""Who has a request in hand, and to whom it is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from approvals.actions.preconditions import OPERATE, check_claim, check_open, check_rate, find
from approvals.eligibility.candidates import unfit
from approvals.eligibility.checks import (
    check_may_give,
    check_permitted,
    free_lapsed_claim,
    holder_of,
    keys_asked,
)
from approvals.errors import Closed, Invalid, NotPermitted
from approvals.models import Comment
from workflows.errors import RequestClaimed
from workflows.models import Assignment, InputRequest, Usage, database_now
from workflows.models.requests.assignment import GROUP, Directory, assignment
from workflows.realtime import publisher

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST = 50  # names that one request can be given to


def claim_length() -> timedelta:
    """Return how long a claim lasts by itself."""
    return timedelta(seconds=settings.CLAIM_SECONDS)


def claim(user: User, request_id: UUID | str) -> InputRequest:
    """Take a request in hand, or go on holding it. Until the claim ends only `user` may answer.

    Raise as `decide` does; `ClaimedByOther` names who holds it.
    """
    for attempt in range(2):
        request = find(user, request_id)
        check_permitted(user, request)
        check_open(request)
        check_claim(user, request)
        if not attempt:
            check_rate(user, Usage.Kind.CLAIMS)
        free_lapsed_claim(user, request)
        try:
            request.claim(user, claim_length())
        except RequestClaimed:
            continue  # looking again tells who was faster
        return request
    raise Closed(f"Request {request_id} keeps changing; look at it again.")


def release(user: User, request_id: UUID | str) -> InputRequest:
    """Let go of a request; operators may take it from whoever holds it. Nothing if it is free.

    Raise `NotVisible`, or `NotPermitted` if it is somebody else's.
    """
    request = find(user, request_id)
    holder = holder_of(request)
    if holder is None or holder == user:
        request.release_claim(of=user)
        free_lapsed_claim(user, request)
    elif user.has_perm(OPERATE):
        request.release_claim(of=holder)
    else:
        raise NotPermitted(f"Request {request.id} is claimed by {holder.get_username()}.")
    return request


def reassign(user: User, request_id: UUID | str, *, to: Sequence[str]) -> InputRequest:
    """Give a request to these users and groups, and to nobody else. It is free then.

    For operators and for whom it was given to; only operators may give it to everybody, by an
    empty list. With four eyes whoever started the run may not, and a request that names a group
    stays with people of that group. Raise as `decide` does; `Invalid` lists the names that cannot
    decide it, whether they exist or not.
    """
    request = find(user, request_id)
    check_may_give(user, request)
    if not may_reassign(user, request):
        raise NotPermitted(f"Request {request.id} cannot be reassigned by {user.get_username()}.")
    check_open(request)
    names = list(dict.fromkeys(name.strip() for name in to if name.strip()))
    directory = Directory(names[: MOST + 1])
    _check_names(user, request, names, directory)
    with transaction.atomic():
        open_ = InputRequest.objects.pending().filter(pk=request.pk)
        columns = {"assigned": bool(names), "asked_of": keys_asked(request)}
        if open_.update(**columns, claimed_by=None, claimed_until=None) != 1:
            raise Closed(f"Request {request.id} takes no answers any more.")
        Assignment.objects.filter(request=request).delete()
        rows = [assignment(request, one) for one in directory.found(names)]
        Assignment.objects.bulk_create(rows)
        said = f"reassigned this to {', '.join(names)}" if names else "reassigned this to everybody"
        Comment.objects.create(request=request, by=user, at=database_now(), text=said, is_note=True)
        publisher.after_commit(runs=[request.run_id], inbox=True)
    return request


def may_reassign(user: User, request: InputRequest) -> bool:
    """Say whether `user` may give this request to others."""
    if request.four_eyes and request.run.has_author(user):
        return False
    if user.has_perm(OPERATE):
        return True
    return InputRequest.objects.filter(pk=request.pk).given_to(user).exists()


def _check_names(
    user: User, request: InputRequest, names: Sequence[str], directory: Directory
) -> None:
    fault = ""
    if len(names) > MOST:
        fault = f"At most {MOST} names"
    elif wrong := unfit(request, names, directory):
        fault = (
            f"This request cannot be reassigned to {', '.join(map(repr, wrong))}: "
            "enter active people, or groups with a member, who may decide it"
        )
    elif not names and not user.has_perm(OPERATE):
        fault = "Enter a name"
    elif not names and any(key.startswith(GROUP) for key in keys_asked(request)):
        fault = "The request was addressed to a group: enter a member of that group"
    if fault:
        raise Invalid(request.id, [{"loc": ("to",), "msg": fault, "type": "names"}])
