"""Limits the number of invocations of a step that run at once in a run."""

from __future__ import annotations

from collections import deque

from workflows.engine.machine.state import Invocation


class ConcurrencyLimiter:
    """The number of running invocations of each limited step, and those that wait for a slot."""

    __slots__ = ("_waiting", "ready", "in_use")

    def __init__(self) -> None:
        self.ready: deque[int] = deque()  # these have waited and begin before new ones
        self.in_use: dict[str, int] = {}
        self._waiting: dict[str, deque[int]] = {}

    def acquire(self, invocation: Invocation, limit: int) -> bool:
        """Return True if the invocation may begin. If not, it waits."""
        in_use = self.in_use.get(invocation.step, 0)
        if in_use >= limit:
            self._waiting.setdefault(invocation.step, deque()).append(invocation.id)
            return False
        self.in_use[invocation.step] = in_use + 1
        return True

    def release(self, step: str) -> None:
        """Free the slot of an invocation, and make the one ready that has waited longest."""
        self.in_use[step] -= 1
        if waiting := self._waiting.get(step):
            self.ready.append(waiting.popleft())

    def __bool__(self) -> bool:
        """True if anything waits or is ready."""
        return bool(self.ready) or any(self._waiting.values())
