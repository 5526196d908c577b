"""Daphne, the worker and the wake-ups on one event loop.

Daphne does not support the ASGI lifespan. So the worker is started when daphne is ready, and ended
by a trigger of the reactor before daphne shuts down.
"""

from __future__ import annotations

# Daphne's server is imported first: it installs the reactor that Twisted then uses.
from daphne.server import twisted_loop  # isort: skip

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from channels.routing import get_default_application
from django.db import connection
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning

from workflows.realtime.outbox import MainLoop
from workflows.realtime.wakeup import WakeupListener
from workflows.server.web_server import LimitedServer
from workflows.worker import Worker

logger = logging.getLogger(__name__)
reactor: Any = installed_reactor


class EmbeddedServer:
    """Serves until a signal, `stop()` or an error of the worker; then drains the worker.

    `ready` is called on the loop when pages are served. After `run()`, `failed` says whether the
    worker failed.
    """

    def __init__(self, listener: socket.socket, *, ready: Callable[[], None]) -> None:
        self._ready = ready
        self._tasks: list[asyncio.Task[None]] = []
        self.failed = False
        # SQLite is for one process. When this process starts, the one before it has ended.
        self._worker = Worker(embedded=connection.vendor == "sqlite")
        self._server = LimitedServer(
            application=get_default_application(),
            # A duplicate, because Twisted closes its descriptor, but a reload needs the socket.
            endpoints=[f"fd:fileno={os.dup(listener.fileno())}"],
            ready_callable=self._begin,
            server_name="blazen",
            verbosity=0,
        )

    def run(self) -> None:
        """Serve, in the main thread, until stopped by SIGINT, SIGTERM or `stop()`."""
        self._server.run()

    @property
    def was_told_to_end(self) -> bool:
        """Return True if a signal came. A signal takes precedence over changed code."""
        return getattr(reactor, "_exitSignal", None) is not None

    def stop(self) -> None:
        """Drain and return from `run()`. May be called from any thread."""
        reactor.callFromThread(self._stop)

    def _stop(self) -> None:
        with suppress(ReactorNotRunning):  # a signal came first
            reactor.stop()

    def _begin(self) -> None:
        MainLoop.loop = twisted_loop
        reactor.addSystemEventTrigger("before", "shutdown", self._end)
        self._start(self._worker.serve())
        self._start(WakeupListener().listen())
        reactor.callWhenRunning(self._ready)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = twisted_loop.create_task(work)
        task.add_done_callback(self._watch)
        self._tasks.append(task)

    def _watch(self, task: asyncio.Task[None]) -> None:
        """Stop the server when its worker failed: pages without a worker would be misleading."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.critical("The worker failed; the server stops.", exc_info=error)
            self.failed = True
            self._stop()

    def _end(self) -> Deferred[None]:
        return Deferred.fromFuture(asyncio.ensure_future(self._drain(), loop=twisted_loop))

    async def _drain(self) -> None:
        """Wait for running steps, give all runs back, and end all tasks."""
        await self._worker.drain()
        MainLoop.loop = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
