"""Waits for changes. It is optimised for frequent changes and few waiting tasks."""

from __future__ import annotations

import asyncio


class Notifier:
    """Wakes all waiting tasks. It belongs to one event loop, and is fast if no task waits."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait until `notify_all` is called."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future in self._waiting:  # so repeated waits with a timeout do not collect futures
                self._waiting.remove(future)
            raise

    def notify_all(self) -> None:
        """Wake all waiting tasks. Call it on the loop's thread."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
