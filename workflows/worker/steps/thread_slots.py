"""How many `def` steps work at once: each may hold a connection to the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MAX_THREADS = 24
HOLD_TIMEOUT = 5.0  # seconds


class ThreadLimiter:
    """Slots for `def` steps, each held for as long as the step works, but not for ever.

    A step that has worked for `timeout` seconds frees its slot for another, and goes on: steps
    that never end delay the others, and do not starve them.
    """

    def __init__(self, count: int = MAX_THREADS, timeout: float = HOLD_TIMEOUT) -> None:
        self._free = asyncio.Semaphore(count)
        self._timeout = timeout

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it for the length of the block, or until the timeout."""
        await self._free.acquire()
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        timer = asyncio.get_running_loop().call_later(self._timeout, release)
        try:
            yield
        finally:
            timer.cancel()
            release()
