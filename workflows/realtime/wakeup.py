"""Wake-ups: messages from the Channels layer that say a run wants a worker.

The stock worker ends its process when the layer is away, and makes its consumer only at the first
message. Here the layer is tried again for ever; meanwhile the sweep finds what a lost wake-up
missed.
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
    """Receives wake-ups for this process's worker. It only schedules: a handler that raised or
    waited would lose the messages behind it."""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle a message at once: Channels would look after database connections first, in a
        thread, and this consumer has none."""
        if message["type"] == "look":
            await self.look(message)

    async def look(self, message: dict[str, Any]) -> None:
        """Let the worker poll soon. The message's type is `look`, so that is the method's name."""
        if MainLoop.wake_worker is not None:
            MainLoop.wake_worker()


class WakeupListener:
    """Passes what arrives on the channels to their consumers, until it is cancelled."""

    def __init__(self, channels: Sequence[str] = (WORKER_CHANNEL,), layer: Any = None) -> None:
        self.channels = list(channels)
        self.layer = layer if layer is not None else get_channel_layer()

    @property
    def is_local_only(self) -> bool:
        """Say whether no other process can wake the worker: the layer is this process's memory."""
        return self.layer is None or isinstance(self.layer, InMemoryChannelLayer)

    async def listen(self) -> None:
        """Listen for ever. A layer that fails is logged once, and tried again at intervals."""
        delay = FIRST_RETRY_DELAY
        loop = asyncio.get_running_loop()
        while self.layer is not None:
            started = loop.time()
            try:
                await self._receive()
            except* Exception as failure:
                # What broke after a while of service is a new failure and is logged anew.
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
    """Log why nothing is received: the layer failed, or the site is configured wrongly."""
    if isinstance(reason, ImproperlyConfigured):
        logger.error("The worker receives no wake-ups; the sweep goes on. %s", reason)
    else:
        logger.warning("The channel layer failed; the sweep goes on. %r", reason)


def missing_redis_warning(listener: WakeupListener) -> str:
    """Return what to warn of where no other process can wake this worker, or nothing."""
    if not listener.is_local_only:
        return ""
    database = "SQLite" if connection.vendor == "sqlite" else "the database"
    return (
        "The channel layer is in memory (no REDIS_URL), so this worker receives no wake-ups from "
        f"other processes, and their pages no news of it; it polls {database} once a second."
    )
