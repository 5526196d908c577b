"""Messages that wait for the channel layer, for each event loop its own.

A message is a wake-up: it carries ids and no content, it may be lost, and whoever receives it reads
the rows. So nobody waits for a layer that is slow or away, and one that fails costs a delay.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, get_channel_layer

from workflows.realtime.per_loop import per_loop

logger = logging.getLogger(__name__)

WORKER_CHANNEL = "workflows"  # the channel that workers listen to

MIN_INTERVAL = 0.05  # seconds in which changes are published once
RETRY_DELAY = 1.0  # seconds between attempts on a layer that failed
SEND_TIMEOUT = 2.0  # seconds that one message may take
MAX_MESSAGES = 10_000  # messages kept for a layer that is away

Messages = dict[str, dict[str, Any]]


class MainLoop:
    """The loop that serves this process, and the function that wakes the worker on it.

    It owns the in-memory layer, which other threads may not touch. Both are None in a process
    without a server and without a worker.
    """

    loop: asyncio.AbstractEventLoop | None = None
    wake_worker: Callable[[], None] | None = None


class Outbox:
    """The messages of one event loop. While some are sent, and for a moment after, others collect.

    The same message twice is sent once. A wake-up of the worker never waits for the messages to
    pages. What a failing layer does not take is kept and sent when it is back, except the wake-up:
    workers poll anyway.
    """

    def __init__(self) -> None:
        self._kept: Messages = {}
        self._wakeup_wanted = self._wakeup_in_flight = False
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failing = False

    @property
    def is_done(self) -> bool:
        """Say whether everything has been sent, or cannot be at the moment."""
        unsent = self._kept or self._wakeup_wanted or self._wakeup_in_flight
        return self._failing or not unsent

    def add(self, messages: Messages, *, wake_worker: bool = False) -> None:
        """Send these soon. Call it on the loop."""
        if len(self._kept) < MAX_MESSAGES:
            self._kept.update(messages)
        if wake_worker and not _wake_local_worker():
            self._wakeup_wanted = True
            self._begin("wake-up", self._send_wakeups)
        if messages:
            self._begin("pages", self._send_messages)

    def _begin(self, name: str, work: Any) -> None:
        task = self._tasks.get(name)
        if task is None or task.done():
            self._tasks[name] = asyncio.create_task(work())

    async def _send_wakeups(self) -> None:
        while self._wakeup_wanted:
            # A worker that receives this one may poll before later changes are committed: a
            # wake-up that is wanted from now on is sent as well.
            self._wakeup_wanted, self._wakeup_in_flight = False, True
            await self._try(send_wakeup())
            self._wakeup_in_flight = False

    async def _send_messages(self) -> None:
        while self._kept:
            sent = True
            for key, message in list(self._kept.items()):
                if not (sent := await self._try(send_message(message))):
                    break
                if self._kept.get(key) is message:  # not one that came meanwhile
                    del self._kept[key]
            await asyncio.sleep(MIN_INTERVAL if sent else RETRY_DELAY)

    async def _try(self, sending: Any) -> bool:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await sending
        except Exception as error:
            if not self._failing:
                logger.warning("The channel layer failed; live updates wait for it. %r", error)
            self._failing = True
            return False
        if self._failing:
            logger.info("The channel layer is back.")
        self._failing = False
        return True


loop_outbox = per_loop(Outbox)


def _wake_local_worker() -> bool:
    """Wake the worker of this loop without a message; say whether no other can receive one."""
    if MainLoop.wake_worker is None or asyncio.get_running_loop() is not MainLoop.loop:
        return False
    MainLoop.wake_worker()
    return isinstance(get_channel_layer(), InMemoryChannelLayer)


async def send_wakeup() -> None:
    """Send workers a message that a run is queued."""
    layer: Any = get_channel_layer()
    if layer is not None:
        with contextlib.suppress(ChannelFull):  # so many wake-ups wait already
            await layer.send(WORKER_CHANNEL, {"type": "look"})


async def send_message(message: dict[str, Any]) -> None:
    """Send a message to the group that it names."""
    layer: Any = get_channel_layer()
    if layer is not None:
        await layer.group_send(message["group"], message)
