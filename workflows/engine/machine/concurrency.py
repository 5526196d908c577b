"""The slots of steps of which only so many may be under way at once in a run."""

from __future__ import annotations

from collections import deque

from workflows.engine.machine.state import Invocation


class Slots:
    """How many each such step has taken, and which invocations wait for one."""

    __slots__ = ("_waiting", "freed", "taken")

    def __init__(self) -> None:
        self.freed: deque[int] = deque()  # waited and have their turn: before whatever is new
        self.taken: dict[str, int] = {}
        self._waiting: dict[str, deque[int]] = {}

    def take(self, invocation: Invocation, limit: int) -> bool:
        """Take one of a step's slots; return False if there is none, and let it wait."""
        taken = self.taken.get(invocation.step, 0)
        if taken >= limit:
            self._waiting.setdefault(invocation.step, deque()).append(invocation.id)
            return False
        self.taken[invocation.step] = taken + 1
        return True

    def release(self, step: str) -> None:
        """Give a slot back, and call the invocation that has waited longest for it."""
        self.taken[step] -= 1
        if waiting := self._waiting.get(step):
            self.freed.append(waiting.popleft())

    def __bool__(self) -> bool:
        """True if anything waits or has its turn."""
        return bool(self.freed) or any(self._waiting.values())
