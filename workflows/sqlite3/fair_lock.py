"""A line: one at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """A lock that is handed to whoever has waited longest.

    A plain lock is free for a moment when it is released, and whoever comes by then is faster than
    those who sleep.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locked = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, seconds: float) -> bool:
        """Wait for one's turn, at most so long; False if it did not come."""
        turn = threading.Lock()
        turn.acquire()
        with self._lock:
            if not self._locked:
                self._locked = True
                return True
            self._waiting.append(turn)
        if turn.acquire(timeout=seconds):
            return True
        with self._lock:
            if turn not in self._waiting:
                return True  # it came at the last moment
            self._waiting.remove(turn)
            return False

    def release(self) -> None:
        """Let the next one in."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._locked = False

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)
