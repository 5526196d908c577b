"""The checks of all actions, one function each, in the order in which they run.

Their result may be outdated a moment later. The compare-and-set of the row decides. If it fails,
the checks run again to find the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from approvals.eligibility.checks import holder_of
from approvals.errors import (
    AlreadyAnswered,
    ClaimedByOther,
    Closed,
    ContentTooLarge,
    Invalid,
    NotVisible,
    RateLimited,
    RequestBlocked,
    StaleForm,
    Superseded,
)
from workflows.engine import InvalidReply, UnknownRequest, UnknownWorkflow, registry
from workflows.engine.requests.payload_edits import check_edits
from workflows.engine.serialization.json_limits import InputRefused, LimitExceeded, check_json
from workflows.errors import RateLimitExceeded
from workflows.models import InputRequest, Usage, WorkflowRun, database_now
from workflows.models.requests.compatibility import stale_reason

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


def findable(user: User | AnonymousUser) -> QuerySet[InputRequest]:
    """Return the requests that `user` may see, each with its run and its people."""
    return InputRequest.objects.visible_to(user).with_people()


def find(user: User | AnonymousUser, request_id: UUID | str) -> InputRequest:
    """Return the request with its run and its people; raise `NotVisible`. One query."""
    return _find(user, request_id, people=True)


def find_to_decide(user: User | AnonymousUser, request_id: UUID | str) -> InputRequest:
    """Return the same without the names of people, which only a refusal needs."""
    return _find(user, request_id, people=False)


def _find(user: User | AnonymousUser, request_id: UUID | str, *, people: bool) -> InputRequest:
    try:
        found = InputRequest.objects.one_visible_to(user, request_id, people=people)
    except ValidationError:
        found = None
    if found is None:
        raise NotVisible(request_id)
    return found


def check_open(request: InputRequest) -> None:
    """Raise `AlreadyAnswered`, `Closed` or `RequestBlocked` unless it accepts an answer."""
    run = request.run
    status = InputRequest.Status
    if request.status == status.ANSWERED:
        by = request.answered_by.get_username() if request.answered_by else ""
        raise AlreadyAnswered(
            request.id,
            by=by,
            at=request.answered_at,
            response=request.response,
            source=request.source,
        )
    late = request.deadline is not None and request.is_expired(database_now())
    if request.status == status.EXPIRED or (request.is_pending and late):
        raise Closed(f"Request {request.id} has expired; its time to answer is over.")
    if request.status == status.CANCELLED or run.ended:
        raise Closed(
            f"Request {request.id} is closed: run {run.id} of {run.workflow!r} is {run.status}."
        )
    if run.status == WorkflowRun.Status.BLOCKED:
        raise RequestBlocked(_blocked(request))
    check_current(request)


def check_current(request: InputRequest) -> None:
    """Raise `StaleForm` unless the code still has the schema that is stored with the request."""
    if reason := stale_reason(request):
        raise StaleForm(
            f"Request {request.id} needs an operator: {reason}. It takes no answer until it is "
            "asked again."
        )


def check_discussed(request: InputRequest) -> None:
    """Raise `AlreadyAnswered` or `Closed` unless the request accepts comments, drafts and the like.

    It does while its run is blocked or its form is out of date, because it is answered later.
    """
    with suppress(RequestBlocked, StaleForm):
        check_open(request)


def check_rate(user: User, kind: Usage.Kind) -> None:
    """Count one action of this kind; raise `RateLimited` above the limit."""
    try:
        Usage.objects.take(user, kind)
    except RateLimitExceeded as error:
        raise RateLimited(str(error), retry_after=error.retry_after) from None


def check_claim(user: User, request: InputRequest) -> None:
    """Raise `ClaimedByOther` if another person, who may decide the request, has claimed it."""
    if request.claimed_by_id in (None, user.pk):
        return
    if (holder := holder_of(request)) is not None:
        assert request.claimed_until
        raise ClaimedByOther(request.id, holder=holder.get_username(), until=request.claimed_until)


def check_digest(request: InputRequest, digest: str) -> None:
    """Raise `Superseded` if the digest is not that of the present version."""
    if digest and digest != request.version:
        raise Superseded(request.id, digest=request.version)


def check_size(request: InputRequest, value: Any, *, what: str = "The answer") -> None:
    """Raise `ContentTooLarge`, or `Invalid` if it cannot be stored: NUL, NaN, a lone surrogate."""
    try:
        check_json(
            value,
            what=what,
            max_bytes=settings.ANSWER_MAX_BYTES,
            max_depth=settings.JSON_MAX_DEPTH,
        )
    except LimitExceeded as error:
        raise ContentTooLarge(str(error)) from None
    except InputRefused as error:
        fault = {"loc": _location(error.where), "msg": str(error), "type": "json"}
        raise Invalid(request.id, [fault]) from None


def normalised(request: InputRequest, response: Any) -> Any:
    """Return the answer in the form to store; raise `Invalid`, or `RequestBlocked`."""
    try:
        workflow = registry.get(request.run.workflow)
        answer = workflow.check_reply(request.event, request.allow, response)
    except (UnknownWorkflow, UnknownRequest):
        raise RequestBlocked(_blocked(request)) from None
    except InvalidReply as error:
        faults = error.errors or [{"loc": (), "msg": str(error), "type": "reply"}]
        raise Invalid(request.id, faults) from None
    check_size(request, answer)  # "NaN" is a text before the validation and a number after it
    return answer


def effective_edits(request: InputRequest, edits: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return all changes of the payload, earlier ones included; raise `Invalid`."""
    given = edits or {}
    try:
        changed = check_edits(request.editable, request.payload, given, request.editable_types)
    except InvalidReply as error:
        raise Invalid(request.id, error.errors) from None
    kept = {key: value for key, value in request.edits.items() if key not in given}
    return kept | changed


def _blocked(request: InputRequest) -> str:
    run = request.run
    return (
        f"Run {run.id} of {run.workflow!r} is blocked: its code is missing or no longer fits. "
        f"Request {request.id} can be answered when the code is fixed."
    )


def _location(where: str) -> tuple[str | int, ...]:
    """Turn `$.claims[3].note` into ("claims", 3, "note")."""
    parts = re.findall(r"\.(\w+)|\[(\d+)\]", where)
    return tuple(name or int(index) for name, index in parts)
