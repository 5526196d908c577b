"""A lock that threads get in the order of their requests."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """A lock that is passed to the thread that has waited longest.

    A plain lock is free for a moment after its release, and a running thread can take it before the
    threads that sleep.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locked = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, seconds: float) -> bool:
        """Wait for the lock, at most this number of seconds; return False after a timeout."""
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
        """Pass the lock to the next thread."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._locked = False

    def __len__(self) -> int:
        """Return the number of waiting threads."""
        return len(self._waiting)
