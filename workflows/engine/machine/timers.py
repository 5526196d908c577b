"""The timers of a run: its retries and the deadlines of its requests, in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Container
from datetime import datetime

from workflows.engine.machine.state import RunState


class Timers:
    """Two heaps. They are not in a snapshot, because they are built from the state."""

    __slots__ = ("deadlines", "retries")

    def __init__(self, state: RunState) -> None:
        self.retries: list[tuple[datetime, int]] = []
        self.deadlines: list[tuple[datetime, str]] = []
        for invocation in state.invocations.values():
            if invocation.due is not None:
                self.add_retry(invocation.due, invocation.id)
        for key, request in state.requests.items():
            self.add_deadline(request.deadline, key)

    def add_retry(self, due: datetime, invocation: int) -> None:
        """Add the retry of this invocation."""
        heapq.heappush(self.retries, (due, invocation))

    def take_due(self, now: datetime) -> list[int]:
        """Remove the invocations that are due, and return them."""
        due = []
        while self.retries and self.retries[0][0] <= now:
            due.append(heapq.heappop(self.retries)[1])
        return due

    def add_deadline(self, deadline: datetime | None, request_id: str) -> None:
        """Add the deadline of this request, if it has one."""
        if deadline is not None:
            heapq.heappush(self.deadlines, (deadline, request_id))

    def next_deadline(self, requests: Container[str]) -> datetime | None:
        """Return the time of the next deadline. Remove those that are not in `requests`."""
        while self.deadlines and self.deadlines[0][1] not in requests:
            heapq.heappop(self.deadlines)
        return self.deadlines[0][0] if self.deadlines else None

    def take_deadline(self) -> str:
        """Remove the next deadline, and return the request that it belongs to."""
        return heapq.heappop(self.deadlines)[1]
