"""The errors of runs and requests. Each message names the run or the request."""

from __future__ import annotations


class DurableError(Exception):
    """The base class of the errors of this package. When one is raised, nothing was changed."""


class WrongState(DurableError):
    """The requested transition is not possible from the present state."""

    def __init__(self, what: str, action: str, status: str) -> None:
        super().__init__(f"{what} is {status}; it cannot be {action}.")
        self.status = status


class RunEnded(WrongState):
    """The run has completed, failed or been cancelled."""


class RunBlocked(WrongState):
    """The run is blocked until there is code that can load it. It accepts no answers until then."""


class HistoryPruned(WrongState):
    """The journal of the run was deleted, so the run cannot continue."""

    def __init__(self, what: str, action: str, status: str) -> None:
        super().__init__(what, action, f"{status}, and its history was pruned")


class RequestNotPending(WrongState):
    """The request is no longer pending: it was answered or cancelled, or it expired."""


class RequestClaimed(WrongState):
    """Another person has claimed the request, or it accepts no answers any more."""


class IdempotencyConflict(DurableError):
    """The idempotency key was used before with another input."""

    def __init__(self, workflow: str, key: str) -> None:
        super().__init__(
            f"A run of {workflow!r} with the idempotency key {key!r} exists already, "
            "started with another input."
        )


class AuthorMissing(DurableError):
    """The run has no author, but its workflow needs a second person for an answer."""

    def __init__(self, workflow: str, request: str) -> None:
        super().__init__(
            f"Workflow {workflow!r} asks {request} with four eyes: a person other than the one who "
            "starts the run has to answer it. Say who starts it."
        )


class WrongRepeat(DurableError):
    """A run can only repeat a run of its own workflow."""

    def __init__(self, workflow: str, other: str) -> None:
        super().__init__(f"A run of {workflow!r} cannot repeat a run of {other!r}.")


class InvalidIdempotencyKey(DurableError):
    """The idempotency key is not valid: empty, too long, no text, or impossible to store."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The idempotency key {reason}.")


class RateLimitExceeded(DurableError):
    """A person did something more often than the limit per minute. `retry_after` is in seconds."""

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
