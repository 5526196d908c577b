"""How many `def` steps work at once: each may hold a connection to the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

COUNT = 24
PATIENCE = 5.0  # seconds


class Slots:
    """Places for `def` steps, each held for as long as the step works, but not for ever.

    A step that has worked for `patience` seconds makes room for another, and goes on: steps that
    never end delay the others, and do not starve them.
    """

    def __init__(self, count: int = COUNT, patience: float = PATIENCE) -> None:
        self._free = asyncio.Semaphore(count)
        self._patience = patience

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for a place and hold it for the length of the block, or of the patience."""
        await self._free.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        timer = asyncio.get_running_loop().call_later(self._patience, give_back)
        try:
            yield
        finally:
            timer.cancel()
            give_back()
