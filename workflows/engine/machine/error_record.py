"""Errors of a run as JSON for rows, journals and pages, and as exceptions again."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

from workflows.engine import errors
from workflows.engine.events import InputResponseEvent
from workflows.engine.serialization.codec import clean_text

MAX_KIND_LENGTH = 200
MAX_MESSAGE_LENGTH = 10_000
MAX_TRACEBACK_LENGTH = 20_000
CANCELLED = "It was cancelled from inside, by itself or by something that it waited for"


def describe(error: BaseException, step: str) -> dict[str, Any]:
    """Return `kind`, `message`, `step`, `traceback` and `engine` of any error.

    `engine` is True for the engine's own error classes. Parts of the error that cannot be read are
    left out.
    """
    kind = _read(
        lambda: type.__getattribute__(type(error), "__name__"), "Exception", MAX_KIND_LENGTH
    )
    message = _read(lambda: str(error), "Its message cannot be read.", MAX_MESSAGE_LENGTH)
    if issubclass(type(error), asyncio.CancelledError):
        message = f"{CANCELLED}: {message}" if message else f"{CANCELLED}."
    return {
        "kind": kind,
        "message": message[:MAX_MESSAGE_LENGTH],
        "step": step,
        "traceback": _trace_of(error, f"{kind}: {message}"),
        "engine": errors.is_own(error),
    }


def _trace_of(error: BaseException, last: str) -> str:
    """Return the traceback, without its causes if they cannot be read. It has at least `last`."""
    whole = _read(lambda: "".join(traceback.format_exception(error)), "")
    if whole:
        return whole
    own = BaseException.__dict__["__traceback__"]  # the error's class may override this attribute
    frames = _read(lambda: "".join(traceback.format_tb(own.__get__(error))), "")
    return _ends(f"Traceback (most recent call last):\n{frames}{last}\n" if frames else f"{last}\n")


def _ends(trace: str) -> str:
    """Remove the middle of a traceback that is too long. Both ends may have the place of the error:
    the end, or the part before a long message."""
    if len(trace) <= MAX_TRACEBACK_LENGTH:
        return trace
    half = MAX_TRACEBACK_LENGTH // 2
    return f"{trace[: half - 5]}\n...\n{trace[-half:]}"


def _read(read: Callable[[], Any], otherwise: str, most: int | None = None) -> str:
    """Return a text from an author's code in a form that can be stored.

    The code may raise any error, or return an instance of a subclass of `str`. A traceback has no
    `most`; both of its ends are kept.
    """
    try:
        text = str.__str__(read())
        return clean_text(_ends(text) if most is None else text[:most])
    except BaseException:
        return otherwise


def to_exception(
    run: str, record: dict[str, Any] | None, failure: BaseException | None
) -> errors.WorkflowError:
    """Return the error that failed a run. If another process raised it, it is made from its record.

    `failure` is the error itself, if this process raised it. An error of a step that is of no
    class of the engine becomes a `StepFailed`, whatever its name.
    """
    if failure is not None and errors.is_own(failure):
        return failure  # type: ignore[return-value]
    record = record or {}
    kind, message, step = (record.get(key, "") for key in ("kind", "message", "step"))
    cls = errors.error_class(kind)
    # Records of older code have no `engine`, so the class is found by its name.
    if record.get("engine", True) and cls not in (errors.WorkflowError, errors.StepFailed):
        return cls(message)
    return errors.StepFailed(f"{run}: step {step!r} failed: {kind}: {message}")


def wrong_request_error(
    run: str, request_id: str, response: InputResponseEvent
) -> errors.WrongRequestId:
    """Return the error of an input handler that answered another request."""
    return errors.WrongRequestId(
        f"{run}: the input handler was asked {request_id!r} but answered {response.request_id!r}."
    )
