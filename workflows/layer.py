"""The channel layer of a process that needs no other."""

from __future__ import annotations

import time
from typing import Any

from channels.layers import InMemoryChannelLayer

EVERY = 5.0  # seconds


class MemoryLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels has no types
    """Channels' own, which looks through all channels for old messages whenever one is read.

    With a thousand readers that is a million looks for each message to all; now and then will do.
    """

    _cleaned = 0.0

    def __init__(self, **options: Any) -> None:
        capacities: dict[str, int] = options.pop("channel_capacity", {})
        super().__init__(**options)
        # Channels' own leaves the patterns as they were written, and fails on them.
        self.channel_capacity: Any = self.compile_capacities(capacities)

    def _clean_expired(self) -> None:
        if time.monotonic() - self._cleaned > EVERY:
            self._cleaned = time.monotonic()
            super()._clean_expired()
