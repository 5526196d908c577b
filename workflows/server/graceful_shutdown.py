"""Answers the HTTP requests that are in progress before the server stops.

Daphne cancels its applications and stops the loop at once. Django's middleware and views run on in
their threads. Their responses would be lost, although their changes were committed. A thread that
waits for the loop would wait for ever, and so would the process. So the loop runs on until they
have ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

logger = logging.getLogger(__name__)

GRACE_PERIOD = 10.0  # seconds that requests have to end, the same as steps of a worker
FLUSH_TIMEOUT = 1.0  # seconds to send the responses to slow clients
EXIT_TIMEOUT = 5.0  # seconds from the end of the loop to the end of the process

Application = Callable[[Any, Any, Any], Awaitable[None]]


class GracefulShutdownMiddleware:
    """An ASGI application of HTTP whose requests have `grace_period` seconds after a stop.

    It is active only under Twisted's reactor. Other servers wait for requests themselves.
    """

    def __init__(self, application: Application, *, grace_period: float = GRACE_PERIOD) -> None:
        self._application = application
        self._grace_period = grace_period
        self._in_progress: set[asyncio.Task[None]] = set()
        self._reactor: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer in a separate task, which runs on when daphne cancels this one."""
        self._register_at_reactor()
        task = asyncio.create_task(self._answer(scope, receive, send))
        self._in_progress.add(task)
        task.add_done_callback(self._in_progress.discard)
        await asyncio.shield(task)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await self._application(scope, receive, send)

    def _register_at_reactor(self) -> None:
        """Let the reactor wait for this. It is not imported, because an import would install it."""
        found = sys.modules.get("twisted.internet.reactor")
        if found is not None and self._reactor is None:
            self._reactor = found
            add = self._reactor.addSystemEventTrigger
            add("before", "shutdown", self._stop, asyncio.get_running_loop())
            add("after", "shutdown", _end_process_soon)

    def _stop(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Accept no new connections, and stop the reactor when the last response was sent."""
        from twisted.internet.defer import Deferred
        from twisted.internet.interfaces import IListeningPort

        for reader in self._reactor.getReaders():
            if IListeningPort.providedBy(reader):
                reader.stopListening()
        return Deferred.fromFuture(asyncio.ensure_future(self._drain(), loop=loop))

    async def _drain(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_period):
                while self._in_progress:
                    await asyncio.wait(set(self._in_progress))
        if self._in_progress:
            logger.warning("%s requests took too long and are cut off.", len(self._in_progress))
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT):
                while self._reactor.getWriters():  # noqa: ASYNC110  Twisted says it in no other way
                    await asyncio.sleep(0.01)


def _end_process_soon() -> None:
    """End the process, although Python would wait for the threads of requests."""

    def end() -> None:
        time.sleep(EXIT_TIMEOUT)
        os._exit(1)

    threading.Thread(target=end, name="last-resort", daemon=True).start()
