"""Limits the number of `def` steps that run at once: each may hold a database connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MAX_THREADS = 24
HOLD_TIMEOUT = 5.0  # seconds


class ThreadLimiter:
    """Slots for `def` steps. A step holds its slot until it ends, but at most `timeout` seconds.

    After `timeout` seconds the slot is free for another step, and the step runs on. So steps that
    never end delay the others, but cannot stop them.
    """

    def __init__(self, count: int = MAX_THREADS, timeout: float = HOLD_TIMEOUT) -> None:
        self._free = asyncio.Semaphore(count)
        self._timeout = timeout

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for a slot, and hold it until the block ends or the timeout is over."""
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
