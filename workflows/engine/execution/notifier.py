"""Waiting for the next change of something that changes often, and is seldom waited for."""

from __future__ import annotations

import asyncio


class Notifier:
    """Wakes all tasks that wait at this moment. Belongs to one event loop; cheap if none waits."""

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
            if future in self._waiting:  # one that waits with a timeout, again and again, adds none
                self._waiting.remove(future)
            raise

    def notify_all(self) -> None:
        """Let all tasks go on that wait. Call it on the loop's thread."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
