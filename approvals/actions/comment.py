"""What people write beside an answer: comments to each other, and drafts for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from approvals.actions.claim import claim_length
from approvals.actions.preconditions import (
    check_discussed,
    check_open,
    check_rate,
    check_size,
    find,
)
from approvals.eligibility.checks import check_permitted
from approvals.errors import Invalid
from approvals.models import Comment, Draft
from workflows.models import InputRequest, Usage, database_now
from workflows.realtime import publisher

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def comment(user: User, request_id: UUID | str, text: str) -> Comment:
    """Say something to all who see the request, for as long as it waits.

    Raise `NotVisible`, `AlreadyAnswered`, `Closed`, `TooLarge`, `Invalid` or `TooOften`.
    """
    request = find(user, request_id)
    check_discussed(request)
    text = text.replace("\r\n", "\n").strip()
    if not text:
        fault = {"loc": ("text",), "msg": "Write the comment first", "type": "empty"}
        raise Invalid(request.id, [fault])
    check_size(request, text, what="The comment")
    check_rate(user, Usage.Kind.COMMENTS)
    said = Comment.objects.create(request=request, by=user, at=database_now(), text=text)
    request.renew_claim(user, claim_length())
    publisher.after_commit(runs=(), inbox=True)
    return said


def save_draft(user: User, request_id: UUID | str, data: Mapping[str, Any]) -> Draft:
    """Keep the fields of a form as they are typed; the last word counts. Raise as `decide`."""
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
    """Return what `user` has begun to answer to a request that they see."""
    return Draft.objects.filter(request=request, user=user.pk).first()
