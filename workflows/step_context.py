"""Whether the code that runs here belongs to a step, or to an input handler.

Kept in a context variable, so that the threads know it that the code uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_step: ContextVar[bool] = ContextVar("is_step", default=False)


def is_step() -> bool:
    """Say whether a step's code runs here."""
    return _is_step.get()


@contextmanager
def step_code() -> Iterator[None]:
    """Let what runs in the block, and the threads and tasks that it begins, count as a step's."""
    token = _is_step.set(True)
    try:
        yield
    finally:
        _is_step.reset(token)
