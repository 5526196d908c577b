"""SQLite has one writer. Whoever finds it busy sleeps and asks again, a little longer each time.

So under load those who have waited longest ask least often, and a worker may wait for half a
second while people's answers pass it by. Here the threads of a process stand in line for their
transactions before they ask SQLite. Other processes are met as before.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from workflows.sqlite3.line import Line

LINES: defaultdict[str, Line] = defaultdict(Line)  # by file
PATIENCE = 5.0  # seconds, where the options name no `timeout`


class DatabaseWrapper(base.DatabaseWrapper):
    """Stands in line from the beginning of a transaction to its end.

    The stubs leave out what is overridden here; a test notices if Django renames it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line: Line | None = None  # while it is this connection's turn

    def _start_transaction_under_autocommit(self) -> None:
        line = LINES[str(self.settings_dict["NAME"])]
        if not line.enter(self.settings_dict["OPTIONS"].get("timeout", PATIENCE)):
            raise OperationalError("The database is locked by another thread.")
        self._line = line
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()

    def _leave(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.leave()
