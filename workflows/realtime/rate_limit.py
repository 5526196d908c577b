"""Limits how many open pages fetch at the same time."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from workflows.realtime.per_loop import per_loop


class RefreshLimiter:
    """Spreads the refreshes of many open pages over time, as a token bucket.

    Each refresh leads to an HTTP request. The first hundred pages fetch at once. If a thousand
    pages fetched in the same second, people's answers would wait for all of them.
    """

    burst: ClassVar[int] = 100
    rate: ClassVar[float] = 50.0  # refreshes a second beyond that

    def __init__(self) -> None:
        self._next = 0.0  # when the last scheduled page may fetch

    async def wait(self) -> None:
        """Return the time at which this page may fetch."""
        now = time.monotonic()
        self._next = max(self._next, now - self.burst / self.rate) + 1 / self.rate
        await asyncio.sleep(max(0.0, self._next - now))


loop_refresh_limiter = per_loop(RefreshLimiter)
