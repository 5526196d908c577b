"""Threads that several steps or HTTP requests use, one after the other.

asgiref makes a new thread for each request. The C library gives each thread a memory area and
leaves gaps in it. So the memory of a process grew by megabytes for each thousand requests, although
no object was kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync
from django.db import close_old_connections, reset_queries

MAX_IDLE = 32  # unused threads that are kept


class ReusedThread(Executor):
    """One thread, started at the first call of `submit`."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reused")
        self.was_used = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `function` after what was submitted before."""
        self.was_used = True
        return self._executor.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the thread end."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


class ReusedThreads:
    """Gives each caller a thread, without a limit. Keeps at most `max_idle` unused threads.

    The thread that was used last is given next, so a process with little work uses few threads.
    """

    def __init__(self, *, max_idle: int = MAX_IDLE) -> None:
        self._max_idle = max_idle
        self._idle: deque[ReusedThread] = deque()

    def borrow(self) -> BorrowedThread:
        """Run the thread-sensitive code of the block in one thread of its own.

        If a task that the block started calls such code after the block, it gets `RuntimeError`.
        Within `async_to_sync` asgiref uses the calling thread instead; `no_calling_thread`
        prevents this.
        """
        return BorrowedThread(self, self.acquire())

    def acquire(self) -> ReusedThread:
        """Return an unused thread. Give it to `release` afterwards."""
        return self._idle.pop() if self._idle else ReusedThread()

    def release(self, thread: ReusedThread) -> None:
        """Keep a thread for the next caller, after its submitted calls have ended."""
        if thread.was_used:
            # This runs after all calls of the block, so the next caller gets an idle thread.
            cleaned = thread.submit(_clean)
            cleaned.add_done_callback(lambda _: self._give_back(thread))
        else:
            self._give_back(thread)

    def _give_back(self, thread: ReusedThread) -> None:
        thread.was_used = False
        if len(self._idle) < self._max_idle:
            self._idle.append(thread)
        else:
            thread.shutdown(wait=False)


class BorrowedThread:
    """A thread for the duration of a `with` block. Every step uses one.

    It does the same as asgiref's `ThreadSensitiveContext` with an executor, except that it does
    not hide the calling thread: that is too slow to do for each step.
    """

    __slots__ = ("__weakref__", "_exited", "_thread", "_threads", "_token")

    def __init__(self, threads: ReusedThreads, thread: ReusedThread) -> None:
        self._threads = threads
        self._thread = thread
        self._exited = False  # asgiref reads it, and refuses calls of tasks after the block
        self._token: Any = None

    def __enter__(self) -> None:
        asgiref: Any = SyncToAsync
        self._token = asgiref.thread_sensitive_context.set(self)
        asgiref.context_to_thread_executor[self] = self._thread

    def __exit__(self, *error: object) -> None:
        asgiref: Any = SyncToAsync
        self._exited = True
        asgiref.context_to_thread_executor.pop(self, None)
        try:
            asgiref.thread_sensitive_context.reset(self._token)
        finally:
            self._threads.release(self._thread)


@contextmanager
def no_calling_thread() -> Iterator[None]:
    """Keep thread-sensitive code of the block out of the thread that called `async_to_sync`."""
    asgiref: Any = AsyncToSync
    calling = getattr(asgiref.executors, "current", None)
    asgiref.executors.current = None
    try:
        yield
    finally:
        asgiref.executors.current = calling


def _clean() -> None:
    """Close old connections, and clear the log of queries that Django keeps in DEBUG."""
    close_old_connections()
    reset_queries()
