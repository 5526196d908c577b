"""Whether the code that runs here belongs to a step, or to an input handler.

Kept in a context variable, so that the threads know it that the code uses.
"""

from __future__ import annotations

from contextvars import ContextVar

_is_step: ContextVar[bool] = ContextVar("is_step", default=False)


def is_step() -> bool:
    """Say whether a step's code runs here."""
    return _is_step.get()


class step_code:
    """Let what runs in the block, and the threads and tasks that it begins, count as a step's."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _is_step.set(True)

    def __exit__(self, *error: object) -> None:
        _is_step.reset(self._token)
