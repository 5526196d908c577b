"""The one door: every answer of a person, from whichever side, goes through `decide`.

The checks stand in a fixed order, so that each side gives the same refusal for the same case and
nobody learns of what they may not see. What they find may be outdated a moment later; the
compare-and-set of the row decides, and who loses it is checked again to learn what happened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from approvals.errors import (
    AlreadyAnswered,
    Closed,
    Invalid,
    NotPermitted,
    NotVisible,
    RunBlocked,
    TooLarge,
)
from approvals.models import Decision
from workflows.engine import InvalidReply, UnknownRequest, UnknownWorkflow, registry
from workflows.errors import WrongState
from workflows.limits import InputRefused, LimitExceeded, check_json
from workflows.models import InputRequest, WorkflowRun, database_now

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

DECIDE = "approvals.add_decision"

TRIES = 3
"""How often a lost compare-and-set is looked at again. Once explains it; a run that is retried
at that very moment may open the request anew."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer that stands. `again`: this person had given the same one before."""

    decision: Decision
    again: bool = False


def decide(
    user: User, request_id: UUID | str, response: Any, *, door: str, readable: bool = True
) -> Outcome:
    """Answer a request as `user`, and put the answer on its way to the run.

    `response` is JSON as it came from outside; what is stored is its normalised form. `door`
    names the side it came from ("inbox", "command"). An answer that is not `readable` (a form
    with text where JSON belongs) is refused as invalid in its turn, by whoever read it.

    Raise a subclass of `AnswerRefused`, with nothing changed, in the order visible, permitted,
    same answer again (no error), state and deadline, size, schema.
    """
    for _ in range(TRIES):
        request = find(user, request_id)
        check_permitted(user, request)
        earlier = same_answer(user, request, response)
        if earlier is not None:
            return Outcome(earlier, again=True)
        check_open(request)
        check_size(request, response)
        answer = normalised(request, response)
        if not readable:
            raise Invalid(request.id, [])
        try:
            with transaction.atomic():
                return Outcome(store(user, request, answer, door))
        except WrongState:
            continue  # somebody was faster: what they did is found by looking again
    raise Closed(f"Request {request_id} keeps changing; look at it again.")


def find(user: User | AnonymousUser, request_id: UUID | str) -> InputRequest:
    """Return the request with its run and who answered it; raise `NotVisible`. One query."""
    requests = InputRequest.objects.visible_to(user).select_related(
        "run", "run__started_by", "answered_by"
    )
    try:
        return requests.get(pk=request_id)
    except (InputRequest.DoesNotExist, ValidationError):
        raise NotVisible(request_id) from None


def check_permitted(user: User, request: InputRequest) -> None:
    """Raise `NotPermitted` unless `user` may answer this request."""
    if not user.has_perm(DECIDE):
        raise NotPermitted(f"{user.get_username()} may see requests, but not answer them.")
    if request.four_eyes and request.run.started_by_id == user.pk:
        raise NotPermitted(
            f"Request {request.id} wants a second pair of eyes: {user.get_username()} started "
            "its run, so somebody else has to answer."
        )


def same_answer(user: User, request: InputRequest, response: Any) -> Decision | None:
    """Return the decision that `user` took on `request`, if it says the same as `response`.

    A double click, a lost acknowledgement and a page sent anew are no conflicts.
    """
    if request.status != InputRequest.Status.ANSWERED or request.answered_by_id != user.pk:
        return None
    decision = Decision.objects.filter(request=request, by=user).first()
    if decision is None:
        return None
    try:
        check_size(request, response)
        answer = normalised(request, response)
    except (TooLarge, Invalid, RunBlocked):
        answer = response
    return decision if _same(decision.response, answer) else None


def check_open(request: InputRequest) -> None:
    """Raise `AlreadyAnswered`, `Closed` or `RunBlocked` unless the request takes an answer."""
    run = request.run
    status = InputRequest.Status
    if request.status == status.ANSWERED:
        by = request.answered_by.get_username() if request.answered_by else ""
        raise AlreadyAnswered(request.id, by=by, at=request.answered_at, response=request.response)
    late = request.deadline is not None and request.deadline <= database_now()
    if request.status == status.EXPIRED or (request.is_pending and late):
        raise Closed(f"Request {request.id} has expired; its time to answer is over.")
    if request.status == status.CANCELLED or run.ended:
        raise Closed(
            f"Request {request.id} is closed: run {run.id} of {run.workflow!r} is {run.status}."
        )
    if run.status == WorkflowRun.Status.BLOCKED:
        raise RunBlocked(_blocked(request))


def check_size(request: InputRequest, response: Any) -> None:
    """Raise `TooLarge`, or `Invalid` for what no database takes: NUL, NaN, half a character."""
    try:
        check_json(
            response,
            what="The answer",
            max_bytes=settings.ANSWER_MAX_BYTES,
            max_depth=settings.JSON_MAX_DEPTH,
        )
    except LimitExceeded as error:
        raise TooLarge(str(error)) from None
    except InputRefused as error:
        fault = {"loc": _location(error.where), "msg": str(error), "type": "json"}
        raise Invalid(request.id, [fault]) from None


def normalised(request: InputRequest, response: Any) -> Any:
    """Return the answer as it will be stored; raise `Invalid`, or `RunBlocked` without its code."""
    try:
        workflow = registry.get(request.run.workflow)
        answer = workflow.check_reply(request.event, request.allow, response)
    except (UnknownWorkflow, UnknownRequest):
        raise RunBlocked(_blocked(request)) from None
    except InvalidReply as error:
        faults = error.errors or [{"loc": (), "msg": str(error), "type": "reply"}]
        raise Invalid(request.id, faults) from None
    check_size(request, answer)  # "NaN" is a text before and a number after
    return answer


def store(user: User, request: InputRequest, answer: Any, door: str) -> Decision:
    """Answer the row and record the decision, within the caller's transaction.

    Raise `WrongState` if the request or its run no longer takes an answer.
    """
    request.answer(answer, by=user, door=door)
    assert request.answered_at is not None
    return Decision.objects.create(
        request=request, by=user, at=request.answered_at, response=answer, door=door
    )


def _blocked(request: InputRequest) -> str:
    run = request.run
    return (
        f"Run {run.id} of {run.workflow!r} is blocked: its code is missing or no longer fits. "
        f"Request {request.id} can be answered once that is mended."
    )


def _same(left: Any, right: Any) -> bool:
    """Compare as JSON does: 1 and true are not the same, though Python says so."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _location(where: str) -> tuple[str | int, ...]:
    """Turn `$.claims[3].note` into ("claims", 3, "note")."""
    parts = re.findall(r"\.(\w+)|\[(\d+)\]", where)
    return tuple(name or int(index) for name, index in parts)
