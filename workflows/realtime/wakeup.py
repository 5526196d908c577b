"""Wake-ups: messages of the channel layer which say that a run is ready for a worker.

The worker of Channels ends its process when the layer is unavailable, and makes its consumer only
at the first message. Here the layer is tried again for ever. Meanwhile the sweep finds the runs
whose wake-ups were lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from channels.consumer import AsyncConsumer
from channels.layers import InMemoryChannelLayer, get_channel_layer
from channels.routing import get_default_application
from channels.worker import Worker
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from workflows.realtime.outbox import WORKER_CHANNEL, MainLoop

logger = logging.getLogger(__name__)

FIRST_RETRY_DELAY = 0.5  # seconds before the layer is tried again, doubled at each failure
MAX_RETRY_DELAY = 5.0


class WorkerConsumer(AsyncConsumer):
    """Receives wake-ups for the worker of this process.

    It only schedules a poll. If a handler raised or waited, later messages would be lost.
    """

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle a message at once. Channels would first close database connections in a thread,
        but this consumer has none."""
        if message["type"] == "poll":
            await self.poll(message)

    async def poll(self, message: dict[str, Any]) -> None:
        """Let the worker poll soon. The method has the name of the message's type."""
        if MainLoop.wake_worker is not None:
            MainLoop.wake_worker()


class WakeupListener:
    """Passes the messages of the channels to their consumers, until it is cancelled."""

    def __init__(self, channels: Sequence[str] = (WORKER_CHANNEL,), layer: Any = None) -> None:
        self.channels = list(channels)
        self.layer = layer if layer is not None else get_channel_layer()

    @property
    def is_local_only(self) -> bool:
        """Return True if no other process can wake the worker, because the layer is in memory."""
        return self.layer is None or isinstance(self.layer, InMemoryChannelLayer)

    async def listen(self) -> None:
        """Listen for ever. A failure of the layer is logged once, and the layer is tried again."""
        delay = FIRST_RETRY_DELAY
        loop = asyncio.get_running_loop()
        while self.layer is not None:
            started = loop.time()
            try:
                await self._receive()
            except* Exception as failure:
                # A failure after a time without failures is logged again.
                delay = FIRST_RETRY_DELAY if loop.time() - started > MAX_RETRY_DELAY else delay
                if delay == FIRST_RETRY_DELAY:
                    report(failure.exceptions[0])
            await asyncio.sleep(delay)
            delay = min(delay * 2, MAX_RETRY_DELAY)

    async def _receive(self) -> None:
        worker = Worker(
            application=get_default_application(), channels=self.channels, channel_layer=self.layer
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.application_checker())
            for channel in self.channels:
                group.create_task(worker.listener(channel))


def report(reason: BaseException) -> None:
    """Log why nothing is received: the layer failed, or a setting is wrong."""
    if isinstance(reason, ImproperlyConfigured):
        logger.error("The worker receives no wake-ups; it polls once a second. %s", reason)
    else:
        logger.warning("The channel layer failed; the worker polls once a second. %r", reason)


def missing_redis_warning(listener: WakeupListener) -> str:
    """Return a warning if no other process can wake this worker, else an empty text."""
    if not listener.is_local_only:
        return ""
    database = "SQLite" if connection.vendor == "sqlite" else "the database"
    return (
        "The channel layer is in memory (no REDIS_URL), so this worker receives no wake-ups from "
        f"other processes, and their pages are not updated; it polls {database} once a second."
    )
