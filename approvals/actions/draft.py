"""Saves drafts of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from approvals.actions.claim import claim_length
from approvals.actions.preconditions import check_open, check_rate, check_size, find
from approvals.eligibility.checks import check_permitted
from approvals.models import Draft
from workflows.models import InputRequest, Usage, database_now

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def save_draft(user: User, request_id: UUID | str, data: Mapping[str, Any]) -> Draft:
    """Save the fields of a form as they were typed, over an earlier draft. Raise as `decide`."""
    request = find(user, request_id)
    check_permitted(user, request)
    check_open(request)
    check_size(request, dict(data), what="The draft")
    check_rate(user, Usage.Kind.DRAFTS)
    kept, _ = Draft.objects.update_or_create(
        request=request, user=user, defaults={"data": dict(data), "saved_at": database_now()}
    )
    request.renew_claim(user, claim_length())
    return kept


def draft_of(user: User, request: InputRequest) -> Draft | None:
    """Return the draft of `user` for a request that they see."""
    return Draft.objects.filter(request=request, user=user.pk).first()
