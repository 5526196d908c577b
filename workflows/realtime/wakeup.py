"""Hearing the bell: messages that say a run wants a worker, from the Channels layer.

The stock worker ends its process when the layer is away, and makes its consumer only at the first
message. Here the layer is tried again for ever; meanwhile the sweep finds what the bell missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from channels.routing import get_default_application
from channels.worker import Worker
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from workflows.realtime import publisher

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.5  # seconds before the layer is tried again, doubled at each failure
LONGEST_PAUSE = 5.0


class Bell:
    """Passes what arrives on the channels to their consumers, until it is cancelled."""

    def __init__(self, channels: Sequence[str] = (publisher.WORKERS,), layer: Any = None) -> None:
        self.channels = list(channels)
        self.layer = layer if layer is not None else get_channel_layer()

    @property
    def is_deaf(self) -> bool:
        """Say whether other processes ring in vain: the layer is this process's memory."""
        return self.layer is None or isinstance(self.layer, InMemoryChannelLayer)

    async def listen(self) -> None:
        """Listen for ever. A layer that fails is told of once, and tried again with patience."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while self.layer is not None:
            started = loop.time()
            try:
                await self._hear()
            except* Exception as failure:
                # What broke after a while of service is a new failure and is told anew.
                pause = FIRST_PAUSE if loop.time() - started > LONGEST_PAUSE else pause
                if pause == FIRST_PAUSE:
                    report(failure.exceptions[0])
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _hear(self) -> None:
        worker = Worker(
            application=get_default_application(), channels=self.channels, channel_layer=self.layer
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.application_checker())
            for channel in self.channels:
                group.create_task(worker.listener(channel))


def report(reason: BaseException) -> None:
    """Log why nothing is heard: the layer failed, or the site is configured wrongly."""
    if isinstance(reason, ImproperlyConfigured):
        logger.error("The worker hears no messages; the sweep goes on. %s", reason)
    else:
        logger.warning("The channel layer failed; the sweep goes on. %r", reason)


def deafness(bell: Bell) -> str:
    """Return the sentence that a worker beside other processes says of a deaf bell, or nothing."""
    if not bell.is_deaf:
        return ""
    database = "SQLite" if connection.vendor == "sqlite" else "the database"
    return (
        "The channel layer is in memory (no REDIS_URL), so this worker does not hear other "
        f"processes, and their pages do not hear it; it looks into {database} once a second."
    )
