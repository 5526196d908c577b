"""Threads for `def` steps. Idle threads are used again, and no thread delays the exit.

The standard pool waits for its threads when the interpreter ends, so one step that never returns
would keep the process running for ever. It also has a fixed size, so a few such steps would block
all others.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

Work = tuple[Callable[[], Any], "Future[Any]"]


class DaemonThreadPool:
    """Runs each call in a daemon thread. It starts a thread if none is idle."""

    def __init__(self) -> None:
        self._idle: deque[_Thread] = deque()

    def submit(self, function: Callable[[], Any]) -> Future[Any]:
        """Run `function`, in a copy of the caller's context variables, and return its future."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # because a thread cannot be stopped
        work = (contextvars.copy_context().run, function)
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = _Thread(self._idle)
            thread.start()
        thread.give(lambda: work[0](work[1]), future)
        return future


class _Thread(threading.Thread):
    def __init__(self, idle: deque[_Thread]) -> None:
        super().__init__(name="workflow-step", daemon=True)
        self._idle = idle
        self._work: Work | None = None
        self._ready = threading.Semaphore(0)

    def give(self, function: Callable[[], Any], future: Future[Any]) -> None:
        self._work = (function, future)
        self._ready.release()

    def run(self) -> None:
        while True:
            self._ready.acquire()
            assert self._work is not None
            function, future = self._work
            self._work = None
            try:
                result = function()
            except BaseException as error:
                self._finish(future.set_exception, error)
            else:
                self._finish(future.set_result, result)
                del result  # an idle thread keeps no references to its last call
            del function, future

    def _finish(self, report: Callable[[Any], None], outcome: Any) -> None:
        self._idle.append(self)
        report(outcome)


pool = DaemonThreadPool()
