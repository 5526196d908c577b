"""How many open pages fetch at the same time."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from workflows.realtime.per_loop import per_loop


class RefreshLimiter:
    """Spreads what many open pages will fetch, as a token bucket: a refresh is a request soon.

    The first hundred pages fetch at once. A thousand that all fetched in the same second would
    keep the answers of people waiting until the last one had its list.
    """

    burst: ClassVar[int] = 100
    rate: ClassVar[float] = 50.0  # refreshes a second beyond that

    def __init__(self) -> None:
        self._next = 0.0  # when the last of all who wait will have been served

    async def wait(self) -> None:
        """Return when this page may fetch."""
        now = time.monotonic()
        self._next = max(self._next, now - self.burst / self.rate) + 1 / self.rate
        await asyncio.sleep(max(0.0, self._next - now))


loop_refresh_limiter = per_loop(RefreshLimiter)
