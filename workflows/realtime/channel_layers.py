"""The channel layers: subclasses of those of Channels, each with one correction."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer

CLEAN_INTERVAL = 5.0  # seconds


class FastInMemoryChannelLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels has no types
    """The in-memory layer, which removes old messages only now and then.

    The layer of Channels searches all channels for old messages at each read. With a thousand
    readers these are a million searches for each message to all.
    """

    _cleaned = 0.0

    def __init__(self, **options: Any) -> None:
        capacities: dict[str, int] = options.pop("channel_capacity", {})
        super().__init__(**options)
        # The class of Channels does not compile the patterns, and fails on them.
        self.channel_capacity: Any = self.compile_capacities(capacities)

    def _clean_expired(self) -> None:
        if time.monotonic() - self._cleaned > CLEAN_INTERVAL:
            self._cleaned = time.monotonic()
            super()._clean_expired()


class CancellableRedisChannelLayer(RedisChannelLayer):  # type: ignore[misc]  # no types
    """The Redis layer, with readers that end when they are cancelled.

    The client ignores a cancellation while it connects. Then the reader would wait for its next
    message, and a process that shuts down would wait for the reader.
    """

    async def receive_single(self, channel: str) -> Any:
        """Return the next message of a channel. Repeat a cancellation until it takes effect."""
        reading = asyncio.ensure_future(super().receive_single(channel))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            while not reading.done():
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError):  # cancelled again
                    await asyncio.wait({reading}, timeout=0.1)
            raise
