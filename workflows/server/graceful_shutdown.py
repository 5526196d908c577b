"""Requests that are in progress when the server has to stop are answered first.

Daphne cancels its applications and stops the loop at once. Django's middleware and views go on in
threads of their own: their answers are lost, though what they wrote is committed, and a thread
that waits for the loop waits for ever, and with it the process. So the loop goes on for them.
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

GRACE_PERIOD = 10.0  # seconds that requests get, as steps do when a worker drains
FLUSH_TIMEOUT = 1.0  # seconds for what was answered to leave for slow readers
EXIT_TIMEOUT = 5.0  # seconds from the end of the loop to that of the process, whatever threads do

Application = Callable[[Any, Any, Any], Awaitable[None]]


class GracefulShutdownMiddleware:
    """An ASGI application of HTTP whose requests get `grace_period` seconds after a stop.

    It acts under Twisted's reactor, and leaves other servers, which drain by themselves, alone.
    """

    def __init__(self, application: Application, *, grace_period: float = GRACE_PERIOD) -> None:
        self._application = application
        self._grace_period = grace_period
        self._in_progress: set[asyncio.Task[None]] = set()
        self._reactor: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer in a task of its own, which goes on when daphne cancels this one."""
        self._register_at_reactor()
        task = asyncio.create_task(self._answer(scope, receive, send))
        self._in_progress.add(task)
        task.add_done_callback(self._in_progress.discard)
        await asyncio.shield(task)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await self._application(scope, receive, send)

    def _register_at_reactor(self) -> None:
        """Have the reactor wait for us. Only if there is one: to import it would install one."""
        found = sys.modules.get("twisted.internet.reactor")
        if found is not None and self._reactor is None:
            self._reactor = found
            add = self._reactor.addSystemEventTrigger
            add("before", "shutdown", self._stop, asyncio.get_running_loop())
            add("after", "shutdown", _end_process_soon)

    def _stop(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Take no new connections, and let the reactor stop when the last answer has left."""
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
    """See to it that the process ends, though Python would wait for the threads of requests."""

    def end() -> None:
        time.sleep(EXIT_TIMEOUT)
        os._exit(1)

    threading.Thread(target=end, name="last-resort", daemon=True).start()
