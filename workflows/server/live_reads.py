"""Gives the reads of open pages a bounded share, so that people who decide do not wait for them.

A page that keeps itself up to date marks its requests with the header `X-Live-Read`. Of these, few
are answered at a time, each with one thread and one database connection. The others wait in order,
without a thread. While other requests are answered, a place stays empty after each read for as long
as the read took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from workflows.realtime.per_loop import per_loop

Application = Callable[[Any, Any, Any], Awaitable[None]]
HEADER = b"x-live-read"


class LiveReadMiddleware:
    """An ASGI application of HTTP that limits the reads of open pages."""

    at_once: ClassVar[int] = 1
    max_pause: ClassVar[float] = 1.0
    """Seconds that a place stays empty at most."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._places = per_loop(lambda: asyncio.Semaphore(self.at_once))
        self._others = 0  # requests that are answered now and are no such reads

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, a read when it has a place."""
        if any(name == HEADER for name, _ in scope["headers"]):
            await self._read(scope, receive, send)
            return
        self._others += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._others -= 1

    async def _read(self, scope: Any, receive: Any, send: Any) -> None:
        async with self._places():
            began = time.monotonic()
            await self._application(scope, receive, send)
            if self._others:
                await asyncio.sleep(min(self.max_pause, time.monotonic() - began))
