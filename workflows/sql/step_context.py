"""Knows whether the running code belongs to a step or an input handler.

It uses a context variable, which the threads and tasks of the code inherit.
"""

from __future__ import annotations

from contextvars import ContextVar

_is_step: ContextVar[bool] = ContextVar("is_step", default=False)


def is_step() -> bool:
    """Return True if the running code belongs to a step."""
    return _is_step.get()


class step_code:
    """Mark the code of the block, and the threads and tasks that it starts, as a step's."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _is_step.set(True)

    def __exit__(self, *error: object) -> None:
        _is_step.reset(self._token)
