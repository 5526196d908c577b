"""Taking an answer back while the run has not heard of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from approvals.door.rules import find
from approvals.errors import CannotUndo, Closed, NotPermitted
from approvals.models import Decision
from workflows.errors import RunEnded, WrongState
from workflows.models import InputRequest, database_now

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def withdraw(user: User, request_id: UUID | str, *, door: str) -> Decision:
    """Take one's own answer back, so that the request waits again; it is recorded that one did.

    Votes of others stand. Raise `NotVisible`, `NotPermitted` if somebody else answered,
    `CannotUndo` if there is nothing to take back or it is too late, `Closed` with the run.
    """
    request = find(user, request_id)
    if request.status != InputRequest.Status.ANSWERED:
        raise CannotUndo(f"Request {request.id} has no answer to take back.")
    if request.answered_by_id != user.pk:
        raise NotPermitted(f"Only who answered request {request.id} may take the answer back.")
    if not may_undo(user, request):
        raise _too_late(request)
    standing = Decision.objects.standing().filter(request=request)
    try:
        with transaction.atomic():
            last = standing.filter(kind=Decision.Kind.VOTE).order_by("-pk").first()
            request.withdraw(by=user, edits=last.edits if last else {})
            now = database_now()
            standing.filter(kind=Decision.Kind.FINAL).void(now)
            return Decision.objects.create(
                request=request, kind=Decision.Kind.WITHDRAWN, by=user, at=now,
                revision=request.revision, door=door,
            )  # fmt: skip
    except RunEnded as error:
        raise Closed(str(error)) from None
    except WrongState:
        raise _too_late(request) from None


def may_undo(user: User, request: InputRequest) -> bool:
    """Say whether `user` gave the answer and it waits to be delivered."""
    until = request.undo_until
    mine = request.status == InputRequest.Status.ANSWERED and request.answered_by_id == user.pk
    return mine and until is not None and until > database_now()


def _too_late(request: InputRequest) -> CannotUndo:
    return CannotUndo(f"The answer to request {request.id} is on its way; it cannot be undone.")
