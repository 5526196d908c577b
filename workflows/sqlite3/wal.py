"""Keeps SQLite's write-ahead log small.

SQLite moves the log into the database itself, and begins it anew when no query reads an old state.
During a query of minutes the log grows, and the file keeps this size afterwards.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from django.db import connection

from workflows.sqlite3.base import oldest_reader

logger = logging.getLogger(__name__)

MAX_SIZE = 16 * 2**20  # bytes, above which the file is made small
CHECK_INTERVAL = 10.0  # seconds between two checks of its size
WARN_EVERY = 60.0  # seconds between two warnings
BUSY_TIMEOUT_MS = 100  # ms that writers may wait while the file is made small


class WriteAheadLog:
    """The write-ahead log of this process's database. Other databases have none."""

    def __init__(self) -> None:
        self._looked = self._warned = float("-inf")

    def check(self) -> None:
        """Make a large file small, or log a warning that names the query that prevents it."""
        now = time.monotonic()
        if connection.vendor != "sqlite" or now - self._looked < CHECK_INTERVAL:
            return
        self._looked = now
        size = size_of_log()
        if size <= MAX_SIZE or truncate() or now - self._warned < WARN_EVERY:
            return
        self._warned = now
        logger.warning(
            "The write-ahead log of the database has %d MB and cannot shrink: %s.",
            size // 2**20, blamed(),
        )  # fmt: skip


def size_of_log() -> int:
    """Return the size of the file in bytes, 0 if there is none."""
    path = Path(f"{connection.settings_dict['NAME']}-wal")
    return path.stat().st_size if path.exists() else 0


def truncate() -> bool:
    """Move the whole log into the database and make its file empty; False if a query reads it.

    It first tries without blocking, because a query may take minutes.
    """
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        busy, pages, moved = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if busy or moved < pages:
            return False
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        try:
            return not cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")


def blamed() -> str:
    """Return a text that names the oldest query."""
    reader = oldest_reader()
    if reader is None:
        return "another process has a query or transaction open for a long time"
    return f"the thread {reader.thread!r} has a query open for {reader.seconds:.0f} s"
