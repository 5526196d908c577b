"""A reader of the layer ends when it learns to, whatever its client does with a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from channels_redis.core import RedisChannelLayer

from workflows.realtime.channel_layers import CancellableRedisChannelLayer


async def test_a_reader_that_learns_twice_ends_though_its_client_swallowed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported: list[str] = []
    begun, received = asyncio.Event(), asyncio.Event()

    async def swallow(self: Any, channel: str) -> None:
        """Wait like redis-py, which takes a cancellation for a broken connection."""
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
    reader.cancel()  # as a loop does with all that is left, when it ends
    with contextlib.suppress(asyncio.CancelledError):
        await reader
    assert reported == ["news"] * 3
