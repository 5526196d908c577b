"""Waiting for what a loop will bring about, without looking at a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(happened: Callable[[], object]) -> None:
    """Let the loop turn until something has happened."""
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110  what happens sets no event
            await asyncio.sleep(0)
