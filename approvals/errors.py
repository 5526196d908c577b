"""The errors of actions, each with its HTTP status.

When one of these is raised, nothing was changed: neither the request nor its run nor its decisions.
Wrong state, forbidden and not found are separate, because a reviewer reacts differently to each.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from workflows.web.answer_labels import by_whom


class AnswerRefused(Exception):
    """The base class of the errors of this package. `status` is the HTTP status."""

    status: ClassVar[int] = 400


class NotVisible(AnswerRefused):
    """There is no request with this id, or the person may not see it; both look the same."""

    status = 404

    def __init__(self, request_id: object) -> None:
        super().__init__(f"There is no request {request_id} that you may see.")


class NotPermitted(AnswerRefused):
    """The person may see the request but not answer it."""

    status = 403


class SecondPersonNeeded(NotPermitted):
    """The person started the run, and the request needs another person."""


class AlreadyAnswered(AnswerRefused):
    """The request was answered before. `by` is a user name, or empty if the system answered."""

    status = 409

    def __init__(
        self, request_id: UUID, *, by: str, at: datetime | None, response: Any, source: str = ""
    ) -> None:
        when = f", on {at:%Y-%m-%d %H:%M:%S %Z}" if at else ""
        super().__init__(f"Request {request_id} was already answered {by_whom(by, source)}{when}.")
        self.by = by
        self.at = at
        self.response = response


class AlreadyVoted(AnswerRefused):
    """This person has approved already, and other approvals are missing."""

    status = 409

    def __init__(self, request_id: UUID, *, votes: int, quorum: int) -> None:
        super().__init__(
            f"You have approved request {request_id} before; it has {votes} of {quorum} approvals."
        )


class ClaimedByOther(AnswerRefused):
    """Another person has claimed the request until their claim ends."""

    status = 409

    def __init__(self, request_id: UUID, *, holder: str, until: datetime) -> None:
        super().__init__(
            f"Request {request_id} is claimed by {holder} until {until:%Y-%m-%d %H:%M %Z}."
        )
        self.holder = holder
        self.until = until


class CannotUndo(AnswerRefused):
    """The person has nothing to withdraw, or the run has got the answer already."""

    status = 409


class Superseded(AnswerRefused):
    """The request was changed since it was read; `digest` is that of the new version."""

    status = 412

    def __init__(self, request_id: UUID, *, digest: str) -> None:
        super().__init__(f"Request {request_id} was changed since you read it; look at it again.")
        self.digest = digest


class TooMany(AnswerRefused):
    """There are more requests than the limit of one batch."""

    status = 413


class Closed(AnswerRefused):
    """The request expired or was cancelled, or its run has ended."""

    status = 410


class ContentTooLarge(AnswerRefused):
    """The answer has more bytes, values or levels than the limits allow."""

    status = 413


class Invalid(AnswerRefused):
    """The answer does not fit the reply's schema.

    `errors` has one entry for each fault: dicts of `loc`, `msg` and `type`, as in pydantic.
    """

    status = 422

    def __init__(self, request_id: UUID, errors: list[dict[str, Any]]) -> None:
        faults = "; ".join(_sentence(error) for error in errors) or "it does not fit"
        super().__init__(f"The answer to request {request_id} was not accepted: {faults}.")
        self.errors = errors


class RateLimited(AnswerRefused):
    """The person did this more often than the limit per minute. `retry_after` is in seconds."""

    status = 429

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class RequestBlocked(AnswerRefused):
    """The run is blocked until there is code that fits it, and accepts no answers until then."""

    status = 503


class StaleForm(RequestBlocked):
    """The form was made by another version of the code than the present one."""


class CannotReask(AnswerRefused):
    """The request cannot be asked again with the present code."""

    status = 409


def _sentence(error: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in error.get("loc", ()))
    message = str(error.get("msg", "")).rstrip(".")
    return f"{place}: {message}" if place else message
