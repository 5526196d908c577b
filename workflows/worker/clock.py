"""The database's time, as a worker knows it without asking."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """The database's time when it was last read, and what has passed since.

    This machine's own clock may be wrong, and may be set at any moment.
    """

    def __init__(self) -> None:
        self.set(datetime.now(UTC))

    def now(self) -> datetime:
        """Return the database's time."""
        moment, then = self._read
        return moment + timedelta(seconds=time.monotonic() - then)

    def set(self, moment: datetime) -> None:
        """Count from here on that it is `moment` now."""
        self._read = (moment, time.monotonic())
