"""Threads that are used again by one step, or one request, after the other.

asgiref makes a thread for each request and lets it end. The C library gives threads memory areas of
their own and leaves gaps in all of them, so a process grew by megabytes for each thousand requests
though no object stayed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync
from django.db import close_old_connections, reset_queries

MAX_IDLE = 32  # threads that are kept while nobody uses them


class ReusedThread(Executor):
    """One thread, begun when it is first given something to do."""

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
    """Gives a thread to each caller, however many; at most `max_idle` of those given back stay.

    The one that was used last is given next, so a quiet process works with few.
    """

    def __init__(self, *, max_idle: int = MAX_IDLE) -> None:
        self._max_idle = max_idle
        self._idle: deque[ReusedThread] = deque()

    def borrow(self) -> BorrowedThread:
        """Let what thread-sensitive code is called in the block run in one thread of its own.

        Code that is called after the block, by a task that it left behind, raises `RuntimeError`.
        Beneath `async_to_sync` the caller's thread goes first, but within `no_calling_thread`.
        """
        return BorrowedThread(self, self.acquire())

    def acquire(self) -> ReusedThread:
        """Return a thread that nobody uses, to be given to `release`."""
        return self._idle.pop() if self._idle else ReusedThread()

    def release(self, thread: ReusedThread) -> None:
        """Keep a thread for the next caller, once what was submitted to it is done."""
        if thread.was_used:
            # After what the block may have left in it: nobody gets a thread that is busy.
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
    """A thread for the length of a `with`. Each step of each run goes through it.

    So it does itself what asgiref's `ThreadSensitiveContext` does with an executor, but for hiding
    the calling thread, which is looked for too slowly to be done at each step.
    """

    __slots__ = ("__weakref__", "_exited", "_thread", "_threads", "_token")

    def __init__(self, threads: ReusedThreads, thread: ReusedThread) -> None:
        self._threads = threads
        self._thread = thread
        self._exited = False  # asgiref reads it, and refuses tasks that outlive the block
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
    """Let thread-sensitive code in the block not run in the thread that called `async_to_sync`."""
    asgiref: Any = AsyncToSync
    calling = getattr(asgiref.executors, "current", None)
    asgiref.executors.current = None
    try:
        yield
    finally:
        asgiref.executors.current = calling


def _clean() -> None:
    """Leave no connection open, and nothing in the log of queries that Django has in DEBUG."""
    close_old_connections()
    reset_queries()
