"""Why an answer was not taken, each with the status that says so on the web.

Nothing was changed when one of these is raised: the request, its run and its decisions are as they
were. Wrong state, forbidden and not found stay apart, as a reviewer does something else in each.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from workflows.web.answer_labels import by_whom


class AnswerRefused(Exception):
    """The root of this package's errors. `status` is the HTTP status of the refusal."""

    status: ClassVar[int] = 400


class NotVisible(AnswerRefused):
    """No request has this id, or this person may not know of it; the two look the same."""

    status = 404

    def __init__(self, request_id: object) -> None:
        super().__init__(f"There is no request {request_id} that you may see.")


class NotPermitted(AnswerRefused):
    """The person may see the request and not answer it."""

    status = 403


class SecondPersonNeeded(NotPermitted):
    """The person started the run, and the request asks for somebody else."""


class AlreadyAnswered(AnswerRefused):
    """Somebody was faster. `by` is a user name, or empty where the system answered."""

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
    """This person has approved already, and others have not."""

    status = 409

    def __init__(self, request_id: UUID, *, votes: int, quorum: int) -> None:
        super().__init__(
            f"You have approved request {request_id} before; it has {votes} of {quorum} approvals."
        )


class ClaimedByOther(AnswerRefused):
    """Somebody else has the request in hand until their claim ends."""

    status = 409

    def __init__(self, request_id: UUID, *, holder: str, until: datetime) -> None:
        super().__init__(
            f"Request {request_id} is claimed by {holder} until {until:%Y-%m-%d %H:%M %Z}."
        )
        self.holder = holder
        self.until = until


class CannotUndo(AnswerRefused):
    """There is nothing of theirs to take back, or the run has it by now."""

    status = 409


class Superseded(AnswerRefused):
    """The request was changed since it was read; `digest` is that of the new version."""

    status = 412

    def __init__(self, request_id: UUID, *, digest: str) -> None:
        super().__init__(f"Request {request_id} was changed since you read it; look at it again.")
        self.digest = digest


class TooMany(AnswerRefused):
    """More requests than one batch takes."""

    status = 413


class Closed(AnswerRefused):
    """The request expired or was cancelled, or its run has ended."""

    status = 410


class ContentTooLarge(AnswerRefused):
    """The answer has more bytes, values or levels than the limits allow."""

    status = 413


class Invalid(AnswerRefused):
    """The answer does not fit the reply's schema.

    `errors` holds one entry for every fault: dicts of `loc`, `msg` and `type`, as pydantic's.
    """

    status = 422

    def __init__(self, request_id: UUID, errors: list[dict[str, Any]]) -> None:
        faults = "; ".join(_sentence(error) for error in errors) or "it does not fit"
        super().__init__(f"The answer to request {request_id} was not accepted: {faults}.")
        self.errors = errors


class RateLimited(AnswerRefused):
    """The person did more of this than a minute allows. `retry_after` is in seconds."""

    status = 429

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class RequestBlocked(AnswerRefused):
    """The run waits for code that fits it, and takes no answers until then."""

    status = 503


class StaleForm(RequestBlocked):
    """The form was made by another version of the code than reads the answer."""


class CannotReask(AnswerRefused):
    """The request cannot be asked again under the code as it is now."""

    status = 409


def _sentence(error: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in error.get("loc", ()))
    message = str(error.get("msg", "")).rstrip(".")
    return f"{place}: {message}" if place else message
