"""An error as JSON, for a row, a journal and a page."""

from __future__ import annotations

import traceback
from typing import Any

from workflows.engine.codec import clean_text

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
