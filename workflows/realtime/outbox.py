"""Messages that wait for the channel layer. Each event loop has its own outbox.

A message has only ids, it may be lost, and the receiver reads the rows. So no caller waits for a
layer that is slow or unavailable. If the layer fails, updates are only delayed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, get_channel_layer

from workflows.realtime.messages import INBOX, PEOPLE, Message, Messages, merged
from workflows.realtime.per_loop import per_loop

logger = logging.getLogger(__name__)

WORKER_CHANNEL = "workflows"  # the channel that workers listen to

MIN_INTERVAL = 0.05  # seconds; equal messages within them are sent once
RETRY_DELAY = 1.0  # seconds between attempts after the layer failed
SEND_TIMEOUT = 2.0  # seconds that one message may take
MAX_MESSAGES = 10_000  # messages kept while the layer is unavailable


class MainLoop:
    """The main event loop of this process, and the functions of the worker that serves on it.

    `wake_worker` wakes the worker. `offer_lease` returns its `LeaseOffer` for a run of a workflow,
    or None; any thread may call it. Only this loop may use the in-memory layer. All are None in a
    process without a server and without a worker.
    """

    loop: asyncio.AbstractEventLoop | None = None
    wake_worker: Callable[[], None] | None = None
    offer_lease: Callable[[str], Any] | None = None


class Outbox:
    """The messages of one event loop. During sending, and shortly after, new ones are collected.

    Messages with one identity are sent as one. A wake-up of the worker does not wait for the
    messages to pages. If the layer fails, messages are kept and sent later. A wake-up is not kept,
    because workers poll anyway.

    The messages to the inboxes are numbered, so that a receiver notices that one was lost.
    """

    def __init__(self) -> None:
        self._kept: Messages = {}
        self._in_flight = False  # whether a message is, which `_kept` lacks
        self._wakeup_wanted = self._wakeup_in_flight = False
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failing = False
        self._sender = uuid4().hex[:12]
        self._number = 0

    @property
    def is_done(self) -> bool:
        """Return True if all messages were sent, or the layer fails at the moment."""
        waiting = self._kept or self._wakeup_wanted
        unsent = waiting or self._in_flight or self._wakeup_in_flight
        return self._failing or not unsent

    def add(self, messages: Messages, *, wake_worker: bool = False) -> None:
        """Send these soon. Call it on the loop."""
        if len(self._kept) >= MAX_MESSAGES:
            self._number += 1  # so that the inboxes notice the loss
        else:
            for key, message in messages.items():
                older = self._kept.get(key)
                self._kept[key] = message if older is None else merged(older, message)
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
            # A worker that receives this wake-up may poll before later changes are committed. So
            # wake-ups that are added from now on are sent, too.
            self._wakeup_wanted, self._wakeup_in_flight = False, True
            await self._try(send_wakeup())
            self._wakeup_in_flight = False

    async def _send_messages(self) -> None:
        while self._kept:
            sent = True
            # Who lost a right is named first, before the changes that they may not see any more.
            for key in sorted(self._kept, key=lambda key: self._kept[key]["group"] != PEOPLE):
                # Later changes are not merged with these: otherwise these would be sent twice.
                message = self._kept.pop(key)
                self._in_flight = True
                sent = await self._try(send_message(self._numbered(message)))
                self._in_flight = False
                if not sent:
                    newer = self._kept.get(key)
                    self._kept[key] = message if newer is None else merged(message, newer)
                    break
                self._number += message["group"] == INBOX
            await asyncio.sleep(MIN_INTERVAL if sent else RETRY_DELAY)

    def _numbered(self, message: Message) -> Message:
        """Add a number. A message that is sent again, because it may be lost, has the same one."""
        if message["group"] != INBOX:
            return message
        return {**message, "sender": self._sender, "number": self._number + 1}

    async def _try(self, sending: Any) -> bool:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await sending
        except Exception as error:
            if not self._failing:
                logger.warning("The channel layer failed; live updates are delayed. %r", error)
            self._failing = True
            return False
        if self._failing:
            logger.info("The channel layer works again.")
        self._failing = False
        return True


loop_outbox = per_loop(Outbox)


def _wake_local_worker() -> bool:
    """Wake the worker of this loop directly. Return True if no other worker can be reached."""
    if MainLoop.wake_worker is None or asyncio.get_running_loop() is not MainLoop.loop:
        return False
    MainLoop.wake_worker()
    return isinstance(get_channel_layer(), InMemoryChannelLayer)


async def send_wakeup() -> None:
    """Send a wake-up message to the workers."""
    layer: Any = get_channel_layer()
    if layer is not None:
        with contextlib.suppress(ChannelFull):  # enough wake-ups wait already
            await layer.send(WORKER_CHANNEL, {"type": "poll"})


async def send_message(message: Message) -> None:
    """Send a message to the group that it names."""
    layer: Any = get_channel_layer()
    if layer is not None:
        await layer.group_send(message["group"], message)
