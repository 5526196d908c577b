"""Adds comments to requests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from approvals.actions.claim import claim_length
from approvals.actions.preconditions import (
    check_discussed,
    check_rate,
    check_size,
    find,
)
from approvals.errors import Invalid
from approvals.models import Comment
from workflows.models import Usage, database_now
from workflows.realtime import publisher

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def comment(user: User, request_id: UUID | str, text: str) -> Comment:
    """Add a comment for all who see the request. The request has to be open.

    Raise `NotVisible`, `AlreadyAnswered`, `Closed`, `ContentTooLarge`, `Invalid` or `RateLimited`.
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
    publisher.after_commit(changed=[request.pk])
    return said
