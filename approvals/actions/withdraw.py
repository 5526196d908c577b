"""Withdraws one's own answer or approval before it takes effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from approvals.actions.decide import MAX_ATTEMPTS
from approvals.actions.decision_record import new_decision
from approvals.actions.preconditions import check_open, find
from approvals.audit.origin import UNKNOWN, Origin
from approvals.audit.seals import supersede
from approvals.errors import AlreadyAnswered, CannotUndo, Closed, NotPermitted, RequestBlocked
from approvals.models import Comment, Decision
from workflows.errors import RunEnded, WrongState
from workflows.models import InputRequest, database_now

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def withdraw(
    user: User, request_id: UUID | str, *, source: str, origin: Origin = UNKNOWN
) -> Decision:
    """Withdraw one's own answer, or one's approval while others are missing, and record this.

    Approvals of others stay. Raise `NotVisible`, `NotPermitted` if another person answered,
    `CannotUndo` if there is nothing to withdraw or it is too late, `Closed` if the run has ended.
    """
    request = find(user, request_id)
    if request.is_pending and request.votes:
        return _withdraw_vote(user, request, source, origin)
    if request.status != InputRequest.Status.ANSWERED:
        raise CannotUndo(f"Request {request.id} has no answer to withdraw.")
    if request.answered_by_id != user.pk:
        raise NotPermitted(f"You did not answer request {request.id}, so you cannot withdraw it.")
    if not may_undo(user, request):
        raise _too_late(request)
    effective = Decision.objects.effective().filter(request=request)
    try:
        with transaction.atomic():
            request.withdraw(by=user, edits=_edits_before(request))
            supersede(effective.filter(kind=Decision.Kind.FINAL), database_now())
            return _record(user, request, source, origin, "withdrew the answer")
    except RunEnded as error:
        raise Closed(str(error)) from None
    except WrongState:
        raise _too_late(request) from None


def _edits_before(request: InputRequest) -> dict[str, Any]:
    """Return the edits of the version that was answered. Only approvals make edits.

    The version keeps its edits if the approval that made it is withdrawn or no longer counts.
    """
    votes = Decision.objects.filter(request=request, kind=Decision.Kind.VOTE)
    last = votes.order_by("-pk").first()
    return last.edits if last else {}


def _withdraw_vote(user: User, request: InputRequest, source: str, origin: Origin) -> Decision:
    """Withdraw an approval that counts for the present version."""
    effective = Decision.objects.effective().filter(
        request=request, kind=Decision.Kind.VOTE, by=user
    )
    for _ in range(MAX_ATTEMPTS):
        try:
            check_open(request)
        except RequestBlocked:
            pass  # it accepts no answers, but an approval may be withdrawn
        except AlreadyAnswered:
            raise _too_late(request) from None
        try:
            with transaction.atomic():
                request.withdraw_vote()
                if not supersede(effective, database_now()):
                    raise CannotUndo(f"Request {request.id} has no approval of yours to withdraw.")
                return _record(user, request, source, origin, "withdrew the approval")
        except WrongState:
            request.refresh_from_db()
    raise CannotUndo(f"Request {request.id} keeps changing; look at it again.")


def _record(
    user: User, request: InputRequest, source: str, origin: Origin, said: str
) -> Decision:  # fmt: skip
    """Store the withdrawal as a decision and a note, for the audit and for the page."""
    now = database_now()
    Comment.objects.create(request=request, by=user, at=now, text=said, is_system=True)
    kind = Decision.Kind.WITHDRAWN
    decision = new_decision(user, request, None, {}, source, origin, kind).sign(now)
    decision.save()
    return decision


def may_undo(user: User, request: InputRequest) -> bool:
    """Return True if `user` answered and the answer is still delayed."""
    until = request.undo_until
    is_own = request.status == InputRequest.Status.ANSWERED and request.answered_by_id == user.pk
    return is_own and until is not None and until > database_now()


def _too_late(request: InputRequest) -> CannotUndo:
    return CannotUndo(f"The answer to request {request.id} is on its way; it cannot be undone.")
