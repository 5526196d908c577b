"""SQLite has one writer. Whoever finds it busy sleeps and asks again, a little longer each time.

So under load those who have waited longest ask least often, and a worker may wait for half a
second while people's answers pass it by. Here the threads of a process stand in line for their
transactions before they ask SQLite. Other processes are met as before.
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
PATIENCE = 5.0  # seconds, where the options name no `timeout`
LONG = 5.0  # seconds that a transaction may take before the log tells of it

_open: set[ref[Cursor]] = set()  # cursors that have executed something and are not closed


class Reader(NamedTuple):
    """A query of this process that is open, and for how long."""

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
    """Return the line of a database file: one, however many threads are the first to ask.

    A `defaultdict` may make two, for it makes what is missing before it keeps it.
    """
    lock = LOCKS.get(file)
    return LOCKS.setdefault(file, FairLock()) if lock is None else lock


class Cursor(base.SQLiteCursorWrapper):
    """Writes the marks of a statement as SQLite wants them, once for each text.

    It is known by its thread from its first statement until it is closed: as long as it has rows to
    give, SQLite keeps the state that it reads.
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
        """Close; nothing is read any more."""
        if self._ref is not None:
            _open.discard(self._ref)
        super().close()

    @staticmethod
    @lru_cache(maxsize=500)
    def _converted(query: str) -> str:
        return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        """Return the statement with marks that SQLite knows."""
        if param_names is not None:
            return super().convert_query(query, param_names=param_names)
        return self._converted(query)


class DatabaseWrapper(base.DatabaseWrapper):
    """Stands in line from the beginning of a transaction to its end.

    The stubs leave out what is overridden here; a test notices if Django renames it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock: FairLock | None = None  # while it is this connection's turn
        self._since = 0.0

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. A file that is not there yet is made for its owner alone."""
        file = str(conn_params["database"])
        if not file.startswith((":memory:", "file:")) and not os.path.exists(file):
            os.close(os.open(file, os.O_CREAT, 0o600))
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Cursor:
        """Return a cursor; SQLite has none with a name."""
        made: Cursor = self.connection.cursor(factory=Cursor)
        return made

    def _start_transaction_under_autocommit(self) -> None:
        lock = lock_of(str(self.settings_dict["NAME"]))
        if not lock.acquire(self.settings_dict["OPTIONS"].get("timeout", PATIENCE)):
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
            if (seconds := time.monotonic() - self._since) > LONG:
                logger.warning(
                    "A transaction of the thread %r took %.1f s, in which nobody else could write.",
                    threading.current_thread().name, seconds,
                )  # fmt: skip
