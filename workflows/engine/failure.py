"""Errors of a run: as JSON for a row, a journal and a page, and raised again from it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from workflows.engine import errors
from workflows.engine.codec import clean_text
from workflows.engine.events import InputResponseEvent

if TYPE_CHECKING:
    from workflows.engine.machine import Machine

LONGEST_MESSAGE = 10_000
LONGEST_TRACEBACK = 20_000


def describe(error: BaseException, step: str) -> dict[str, Any]:
    """Return `kind`, `message`, `step` and `traceback`, whatever the error is made of."""
    trace = "".join(traceback.format_exception(error))
    try:
        message = str(error)
    except Exception:  # an error that cannot even say what it is must still fail the step
        message = "its message cannot be read"
    return {
        "kind": type(error).__name__,
        "message": clean_text(message[:LONGEST_MESSAGE]),
        "step": step,
        "traceback": clean_text(trace[-LONGEST_TRACEBACK:]),
    }


def recall(machine: Machine) -> errors.WorkflowError:
    """Return the error that failed the run, made anew from its JSON where it was raised elsewhere.

    What a step raised that is none of the engine's own becomes a `StepFailed`.
    """
    if isinstance(machine.failure, errors.WorkflowError):
        return machine.failure
    told = machine.state.error or {}
    kind, message, step = (told.get(key, "") for key in ("kind", "message", "step"))
    cls = errors.error_class(kind)
    if cls not in (errors.WorkflowError, errors.StepFailed):
        return cls(message)
    return errors.StepFailed(f"{machine}: step {step!r} failed: {kind}: {message}")


def wrong_request(
    machine: Machine, request_id: str, response: InputResponseEvent
) -> errors.WrongRequestId:
    """Return the error of an input handler that answered another request."""
    return errors.WrongRequestId(
        f"{machine}: the input handler was asked {request_id!r} "
        f"but answered {response.request_id!r}."
    )
