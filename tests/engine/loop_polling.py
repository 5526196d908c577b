"""Waiting for something on an event loop, without a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object]) -> None:
    """Run the event loop until the condition is true."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  what happens sets no event
            await asyncio.sleep(0)
