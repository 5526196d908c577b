"""The database's time, computed without a query."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """The database's time when it was last read, plus the time that has passed since.

    The clock of this machine is not used: it may be wrong, and may be set at any moment.
    """

    def __init__(self) -> None:
        self.set(datetime.now(UTC))

    def now(self) -> datetime:
        """Return the database's time."""
        moment, then = self._read
        return moment + timedelta(seconds=time.monotonic() - then)

    def set(self, moment: datetime) -> None:
        """Set the time to `moment`."""
        self._read = (moment, time.monotonic())
