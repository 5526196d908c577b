"""The channel layers: Channels' own, each with what it lacks here."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from channels.layers import InMemoryChannelLayer
from channels_redis.core import RedisChannelLayer

CLEAN_INTERVAL = 5.0  # seconds


class FastInMemoryChannelLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels has no types
    """Channels' own searches all channels for old messages whenever one is read.

    With a thousand readers that is a million searches for each message to all; this one does it
    once in a while.
    """

    _cleaned = 0.0

    def __init__(self, **options: Any) -> None:
        capacities: dict[str, int] = options.pop("channel_capacity", {})
        super().__init__(**options)
        # Channels' own leaves the patterns as they were written, and fails on them.
        self.channel_capacity: Any = self.compile_capacities(capacities)

    def _clean_expired(self) -> None:
        if time.monotonic() - self._cleaned > CLEAN_INTERVAL:
            self._cleaned = time.monotonic()
            super()._clean_expired()


class CancellableRedisChannelLayer(RedisChannelLayer):  # type: ignore[misc]  # no types
    """Channels' own, with readers that end when they are cancelled.

    A cancellation that meets the client while it connects is swallowed there; the reader would
    then wait for its next message, and a process that shuts down for its reader.
    """

    async def receive_single(self, channel: str) -> Any:
        """Return the next message of a channel; a cancellation is repeated until it is heeded."""
        reading = asyncio.ensure_future(super().receive_single(channel))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            while not reading.done():
                reading.cancel()
                with contextlib.suppress(
                    asyncio.CancelledError
                ):  # cancelled again meanwhile: it ends
                    await asyncio.wait({reading}, timeout=0.1)
            raise
