"""Receives the messages from other processes, once for all open pages of this process.

The process is one member of each group, not one for every socket. So a message takes the layer the
same effort for one page as for a thousand. The subscriber also notices when it cannot receive, and
notifies the pages: a layer that was emptied has lost its groups, although the connection is open.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Any, Protocol
from uuid import uuid4

from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connection, reset_queries

from workflows.realtime.messages import INBOX
from workflows.realtime.per_loop import per_loop

logger = logging.getLogger(__name__)

ECHO_INTERVAL = 2.0  # seconds between two messages to itself
ECHO_TIMEOUT = 3.0  # seconds after which such a message counts as lost
MAX_SENDERS = 1000  # whose numbers are kept; the ones that sent last
RETRY_DELAY = 0.5  # seconds before a layer or a database that failed is tried again


class Receiver(Protocol):
    """What receives the messages of a group, as an open page. Its methods do not wait."""

    def receive_message(self, message: dict[str, Any]) -> None:
        """Handle a message to a group of this page."""

    def wake(self) -> None:
        """Read everything again: messages were lost, or whether any are received has changed."""


class Subscriber:
    """The groups of one event loop's pages, and the task that receives their messages."""

    def __init__(self) -> None:
        self.is_live = True
        self._pages: defaultdict[str, set[Receiver]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._layer: Any = get_channel_layer()
        self._channel = ""
        self._echo = f"echo.{uuid4().hex}"
        self._echoed = asyncio.Event()
        self._changing = asyncio.Lock()  # so that no page treats a group as joined too early
        self._numbers: dict[str, int] = {}  # the last number of each sender

    async def join(self, page: Receiver, groups: list[str]) -> None:
        """Forward the messages of these groups to `page` from now on."""
        async with self._changing:
            fresh = [group for group in groups if group not in self._pages]
            if INBOX in fresh:
                self._numbers.clear()  # what was sent before is no loss: its pages read first
            for group in groups:
                self._pages[group].add(page)
            if self._layer is None:
                return
            if self._task is None or self._task.done():
                self._channel = await self._layer.new_channel()
                await self._try_joining([self._echo, *self._pages])
                self._task = asyncio.create_task(self._listen())
            elif self.is_live:
                await self._try_joining(fresh)

    async def leave(self, page: Receiver, groups: list[str]) -> None:
        """Remove `page`, and leave the groups that have no other page."""
        async with self._changing:
            for group in groups:
                self._pages[group].discard(page)
            empty = [group for group in groups if not self._pages[group]]
            for group in empty:
                del self._pages[group]
            if not self._pages and self._task is not None:
                self._task.cancel()
                self._task = None
                empty.append(self._echo)
            if self._layer is not None and self.is_live:
                await self._try_leaving(empty)

    async def _try_joining(self, groups: list[str]) -> None:
        try:
            await self._join(groups)
        except Exception as error:
            self._set_live(live=False, why=error)

    async def _try_leaving(self, groups: list[str]) -> None:
        try:
            async with asyncio.timeout(ECHO_TIMEOUT):
                for group in groups:
                    await self._layer.group_discard(group, self._channel)
        except Exception as error:
            logger.info("A group was not left; its membership will expire. %r", error)

    async def _join(self, groups: list[str]) -> None:
        async with asyncio.timeout(ECHO_TIMEOUT):
            for group in groups:
                await self._layer.group_add(group, self._channel)

    async def _listen(self) -> None:
        while True:
            try:
                if not self.is_live:
                    # The timeout is for a layer that accepts connections but does not answer.
                    async with asyncio.timeout(ECHO_TIMEOUT):
                        await database_sync_to_async(_query_database, thread_sensitive=False)()
                    await self._join([self._echo, *self._pages])
                    self._set_live(live=True)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._receive())
                    if not isinstance(self._layer, InMemoryChannelLayer):
                        group.create_task(self._probe())
            except* Exception as failure:
                self._set_live(live=False, why=failure.exceptions[0])
            await asyncio.sleep(RETRY_DELAY)

    async def _receive(self) -> None:
        while True:
            message = await self._layer.receive(self._channel)
            group = message.get("group")
            if group == self._echo:
                self._echoed.set()
            pages = list(self._pages.get(group, ()))
            if self._was_message_lost(message):
                for page in pages:
                    page.wake()
            for page in pages:
                page.receive_message(message)

    def _was_message_lost(self, message: dict[str, Any]) -> bool:
        """Say whether messages of this sender between the last one and this one are missing."""
        sender, number = message.get("sender"), message.get("number", 0)
        if sender is None:
            return False
        last = self._numbers.pop(sender, number - 1)
        self._numbers[sender] = number
        if len(self._numbers) > MAX_SENDERS:
            del self._numbers[next(iter(self._numbers))]
        return bool(number > last + 1)

    async def _probe(self) -> None:
        """Raise if the layer or the database is unavailable, or the layer has lost the groups."""
        while True:
            self._echoed.clear()
            async with asyncio.timeout(ECHO_TIMEOUT):
                await self._layer.group_send(self._echo, {"type": "echo", "group": self._echo})
                await database_sync_to_async(_query_database, thread_sensitive=False)()
                await self._echoed.wait()
            if not self.is_live:
                raise ConnectionError("A group could not be joined.")
            await asyncio.sleep(ECHO_INTERVAL)

    def _set_live(self, *, live: bool, why: BaseException | None = None) -> None:
        if live == self.is_live:
            return
        if live:
            logger.info("Pages are updated live again.")
        else:
            logger.warning("Pages are not updated until Redis and the database answer. %r", why)
        self.is_live = live
        self._numbers.clear()
        for page in {page for pages in self._pages.values() for page in pages}:
            page.wake()


loop_subscriber = per_loop(Subscriber)


def _query_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()
        reset_queries()
