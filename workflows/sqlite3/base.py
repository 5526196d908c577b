"""A queue for SQLite's writers.

SQLite allows one writer at a time. A thread that finds it busy sleeps and tries again, and sleeps
longer each time. So under load the threads that have waited longest try least often, and a worker
may wait for half a second while other threads write. Here the threads of a process wait in a queue
before their transactions. Between processes SQLite works as usual.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import ref

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from workflows.sqlite3.fair_lock import FairLock

logger = logging.getLogger(__name__)

LOCKS: dict[str, FairLock] = {}  # by file
BUSY_TIMEOUT = 5.0  # seconds, if the options have no `timeout`
SLOW_TRANSACTION = 5.0  # a longer transaction is logged; seconds

_open: set[ref[Cursor]] = set()  # cursors that have executed something and are not closed


class Reader(NamedTuple):
    """An open query of this process, and its age."""

    thread: str
    seconds: float


def oldest_reader() -> Reader | None:
    """Return the query of this process that has been open longest, if there is one."""
    cursors = [cursor for one in list(_open) if (cursor := one()) is not None]
    oldest = min(cursors, key=lambda one: one.since, default=None)
    if oldest is None:
        return None
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return Reader(names.get(oldest.thread, "unknown"), time.monotonic() - oldest.since)


def lock_of(file: str) -> FairLock:
    """Return the queue of a database file. There is only one, even if several threads ask first.

    A `defaultdict` could make two, because it makes a missing value before it stores it.
    """
    lock = LOCKS.get(file)
    return LOCKS.setdefault(file, FairLock()) if lock is None else lock


class Cursor(base.SQLiteCursorWrapper):
    """Converts the parameter marks of a statement to those of SQLite, once for each text.

    It is listed with its thread from its first statement until it is closed. While it has unread
    rows, SQLite keeps the state that it reads.
    """

    since = 0.0
    thread = 0  # its `ident`
    _ref: ref[Cursor] | None = None

    def execute(self, query: str, params: Any = None) -> Any:
        """Execute a statement."""
        if self._ref is None:
            self.since, self.thread = time.monotonic(), threading.get_ident()
            self._ref = ref(self, _open.discard)
            _open.add(self._ref)
        return super().execute(query, params)

    def close(self) -> None:
        """Close, and remove it from the list of open queries."""
        if self._ref is not None:
            _open.discard(self._ref)
        super().close()

    @staticmethod
    @lru_cache(maxsize=500)
    def _converted(query: str) -> str:
        return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        """Return the statement with SQLite's parameter marks."""
        if param_names is not None:
            return super().convert_query(query, param_names=param_names)
        return self._converted(query)


class DatabaseWrapper(base.DatabaseWrapper):
    """Holds the lock of the queue from the beginning of a transaction to its end.

    The type stubs do not have the overridden methods. A test fails if Django renames them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock: FairLock | None = None  # while this connection holds the lock
        self._since = 0.0

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. Only the owner can read a new file."""
        file = str(conn_params["database"])
        if not file.startswith((":memory:", "file:")) and not os.path.exists(file):
            os.close(os.open(file, os.O_CREAT, 0o600))
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Cursor:
        """Return a cursor. SQLite has no named cursors."""
        made: Cursor = self.connection.cursor(factory=Cursor)
        return made

    def _start_transaction_under_autocommit(self) -> None:
        lock = lock_of(str(self.settings_dict["NAME"]))
        if not lock.acquire(self.settings_dict["OPTIONS"].get("timeout", BUSY_TIMEOUT)):
            raise OperationalError("The database is locked by another thread.")
        self._lock, self._since = lock, time.monotonic()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._release()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._release()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._release()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._release()

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()
            if (seconds := time.monotonic() - self._since) > SLOW_TRANSACTION:
                logger.warning(
                    "A transaction of the thread %r took %.1f s, in which nobody else could write.",
                    threading.current_thread().name, seconds,
                )  # fmt: skip
