"""Waiting for the next change of something that changes often, and is seldom waited for."""

from __future__ import annotations

import asyncio


class Changes:
    """Tells everybody who waits at this moment. Of one event loop; telling nobody costs nothing."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def next(self) -> None:
        """Wait until `tell` is called."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future in self._waiting:  # whoever asks with a timeout, again and again, adds none
                self._waiting.remove(future)
            raise

    def tell(self) -> None:
        """Let everybody go on who waits. Call it on the loop's thread."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
