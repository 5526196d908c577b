"""A task that reads from the channel layer can be cancelled, also if the client swallows it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from channels_redis.core import RedisChannelLayer

from workflows.realtime.channel_layers import CancellableRedisChannelLayer


async def test_a_reader_ends_at_the_second_cancellation_although_the_client_swallowed_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[str] = []
    begun, received = asyncio.Event(), asyncio.Event()

    async def swallow(self: Any, channel: str) -> None:
        """Wait like redis-py, which treats a cancellation as a broken connection."""
        begun.set()
        while len(reported) < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                reported.append(channel)
                received.set()
        raise asyncio.CancelledError

    monkeypatch.setattr(RedisChannelLayer, "receive_single", swallow)
    reader = asyncio.create_task(CancellableRedisChannelLayer().receive_single("news"))
    await begun.wait()
    reader.cancel()
    await received.wait()
    reader.cancel()  # as a loop does with its remaining tasks when it ends
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    assert reported == ["news"] * 3
