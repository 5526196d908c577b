"""What a durable run or request refuses to do, each with a sentence that names it."""

from __future__ import annotations


class DurableError(Exception):
    """The root of this package's errors. Nothing was changed when one of these is raised."""


class WrongState(DurableError):
    """A transition was asked for that has no arrow from the state the row is in."""

    def __init__(self, what: str, action: str, status: str) -> None:
        super().__init__(f"{what} is {status}; it cannot be {action}.")
        self.status = status


class RunEnded(WrongState):
    """The run has completed, failed or been cancelled."""


class RunBlocked(WrongState):
    """The run waits for code that can load it; it takes no answers until then."""


class HistoryPruned(WrongState):
    """The run's journal was let go of, so nothing can go on from where it ended."""

    def __init__(self, what: str, action: str, status: str) -> None:
        super().__init__(what, action, f"{status} and its history was pruned")


class RequestNotPending(WrongState):
    """The request is no longer pending: somebody answered, or it expired or was cancelled."""


class RequestClaimed(WrongState):
    """Somebody else has taken the request in hand, or it takes no answers any more."""


class IdempotencyConflict(DurableError):
    """The idempotency key was used before, with another input."""

    def __init__(self, workflow: str, key: str) -> None:
        super().__init__(
            f"A run of {workflow!r} with the idempotency key {key!r} exists already, "
            "started with another input."
        )


class AuthorMissing(DurableError):
    """A run that needs a second person for an answer says who the first one is."""

    def __init__(self, workflow: str, request: str) -> None:
        super().__init__(
            f"Workflow {workflow!r} asks {request} with four eyes: somebody else than who started "
            "the run answers it. Say who starts it."
        )


class WrongRepeat(DurableError):
    """A run repeats a run of its own workflow only."""

    def __init__(self, workflow: str, other: str) -> None:
        super().__init__(f"A run of {workflow!r} cannot repeat a run of {other!r}.")


class InvalidIdempotencyKey(DurableError):
    """The idempotency key is none: empty, too long, no text, or not to be stored."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The idempotency key {reason}.")


class RateLimitExceeded(DurableError):
    """A person did more of something than a minute allows. `retry_after` is in seconds."""

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
