"""Telling workers and pages that something changed, after the commit and never before it.

A message is a bell: it carries ids and no content, it may be lost, and whoever hears it reads the
rows. So a layer that fails costs a delay and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)

WORKERS = "workflows"  # the channel that workers listen to
INBOX = "inbox"  # the group of every open inbox


class Home:
    """The event loop that owns the in-memory layer, which other threads may not touch."""

    loop: asyncio.AbstractEventLoop | None = None


def run_group(run_id: UUID | str) -> str:
    """Return the group of the pages that show this run."""
    return f"run.{run_id}"


def after_commit(*, runs: Iterable[UUID] = (), inbox: bool = False, bell: bool = False) -> None:
    """Say after the commit that these runs changed, that the inbox did, that a run is queued."""
    call = partial(now, runs=list(runs), inbox=inbox, bell=bell)
    transaction.on_commit(call, robust=True)


def now(*, runs: list[UUID], inbox: bool = False, bell: bool = False) -> None:
    """Send at once, from a thread without an event loop of its own."""
    if Home.loop is not None and Home.loop.is_running():
        message = send(runs=runs, inbox=inbox, bell=bell)
        asyncio.run_coroutine_threadsafe(message, Home.loop)
    else:
        async_to_sync(send)(runs=runs, inbox=inbox, bell=bell)


async def send(*, runs: Iterable[UUID], inbox: bool = False, bell: bool = False) -> None:
    """Send from the event loop. A layer that fails is logged, never raised."""
    layer: Any = get_channel_layer()
    if layer is None:
        return
    try:
        if bell:
            await layer.send(WORKERS, {"type": "look"})
        if inbox:
            await layer.group_send(INBOX, {"type": "inbox.changed"})
        for run_id in runs:
            await layer.group_send(run_group(run_id), {"type": "run.changed", "id": str(run_id)})
    except Exception:
        logger.warning("The channel layer failed; pages catch up by themselves.", exc_info=True)
