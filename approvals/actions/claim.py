"""Claims a request, so that no other person answers it meanwhile, and releases it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from approvals.actions.preconditions import check_claim, check_open, check_rate, find
from approvals.eligibility.checks import (
    check_permitted,
    free_lapsed_claim,
    holder_of,
)
from approvals.errors import Closed, NotPermitted
from workflows.errors import RequestClaimed
from workflows.models import InputRequest, Usage
from workflows.models.permissions import Perm

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def claim_length() -> timedelta:
    """Return the duration of a claim."""
    return timedelta(seconds=settings.CLAIM_SECONDS)


def claim(user: User, request_id: UUID | str) -> InputRequest:
    """Claim a request, or renew the claim. Until the claim ends only `user` may answer.

    Raise the errors of `decide`; `ClaimedByOther` names the holder.
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
            continue  # the next check finds the holder
        return request
    raise Closed(f"Request {request_id} keeps changing; look at it again.")


def release(user: User, request_id: UUID | str) -> InputRequest:
    """Release a claim. Operators may release the claim of any person. Do nothing if it is free.

    Raise `NotVisible`, or `NotPermitted` if another person holds it.
    """
    request = find(user, request_id)
    holder = holder_of(request)
    if holder is None or holder == user:
        request.release_claim(of=user)
        free_lapsed_claim(user, request)
    elif user.has_perm(Perm.OPERATE_RUNS):
        request.release_claim(of=holder)
    else:
        raise NotPermitted(f"Request {request.id} is claimed by {holder.get_username()}.")
    return request
