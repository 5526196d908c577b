"""The open inboxes of this process, and the task that sends them what changed."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, ClassVar, Protocol

from channels.db import database_sync_to_async
from django.db import reset_queries

from approvals.live.changes import Batch, Change, ChangeMessages, read_changes
from workflows.models.requests.audience import Viewer
from workflows.realtime.messages import INBOX
from workflows.realtime.per_loop import per_loop
from workflows.realtime.subscriber import loop_subscriber
from workflows.sockets.login_checks import loop_login_checks

logger = logging.getLogger(__name__)

RETRY_DELAY = 1.0  # seconds before rows are read again that could not be read


class InboxPage(Protocol):
    """What is asked of an open inbox."""

    viewer: Viewer | None

    @property
    def is_receiving(self) -> bool:
        """True if the page may be sent what its person may see."""

    def show_state(self, *, late: bool = False) -> None:
        """Let the page show whether it is updated live, and in time."""

    def wake(self) -> None:
        """Let the page show whether it is updated, and read everything again."""

    async def send_numbered(self, rest: str) -> None:
        """Send a message with the next number."""

    async def close(self) -> None:
        """Close the socket; the page opens another one."""


class InboxPages:
    """Collects the changes of a moment, reads their rows once, and sends them in slices of pages.

    Between two slices the loop does other work for as long as the slice took, so that answers do
    not wait for the pages. The more pages, the longer a moment.
    """

    slice_size: ClassVar[int] = 20
    min_interval: ClassVar[float] = 0.05
    max_interval: ClassVar[float] = 0.25
    interval_per_page: ClassVar[float] = 0.00025
    """Seconds between two messages to a page: per page of this process, within the limits."""
    fetches_per_second: ClassVar[float] = 5.0
    """At how many fetches a second all pages together put new rows in place."""
    late_after: ClassVar[float] = 3.0
    """Seconds after which pages show that their updates are delayed."""

    def __init__(self) -> None:
        self._pages: dict[InboxPage, None] = {}
        self._batch: Batch | None = None
        self._since = 0.0
        self._is_late = False
        self._wakeup = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def join(self, page: InboxPage) -> None:
        """Send changes to this page from now on."""
        self._pages[page] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await loop_subscriber().join(self, [INBOX])

    async def leave(self, page: InboxPage) -> None:
        """Send nothing more to this page."""
        self._pages.pop(page, None)
        if not self._pages:
            if self._task is not None:
                self._task.cancel()
                self._task = None
            self._batch = None
            await loop_subscriber().leave(self, [INBOX])

    @property
    def spread(self) -> float:
        """The seconds over which the pages spread a fetch that each of them wants to make.

        It is 0 for a few pages, which fetch at once.
        """
        return round(max(0.0, len(self._pages) / self.fetches_per_second - 1), 1)

    def receive_message(self, message: dict[str, Any]) -> None:
        """Add what the message names to the next batch."""
        if self._batch is None:
            self._batch, self._since = Batch(), time.monotonic()
        self._batch.add(message)
        self._wakeup.set()

    def wake(self) -> None:
        """Let all pages read again: messages were lost, or they are received again."""
        for page in list(self._pages):
            page.wake()

    async def _run(self) -> None:
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            batch, since, self._batch = self._batch, self._since, None
            if batch is None:
                continue
            began = time.monotonic()
            if batch.everything:
                self.wake()
            else:
                await self._send(batch, since)
            if self._is_late and self._batch is None:
                self._is_late = False
                for page in list(self._pages):
                    page.show_state()
            wanted = self.interval_per_page * len(self._pages)
            interval = min(self.max_interval, max(self.min_interval, wanted))
            await asyncio.sleep(max(0.0, began + interval - time.monotonic()))

    async def _send(self, batch: Batch, since: float) -> None:
        try:
            changes = await database_sync_to_async(_in_thread, thread_sensitive=False)(batch)
        except Exception as error:
            logger.warning("The rows of changes could not be read; the pages read again. %r", error)
            await asyncio.sleep(RETRY_DELAY)
            self.wake()
            return
        await loop_login_checks().settle()
        pages, messages = list(self._pages), ChangeMessages(changes)
        for first in range(0, len(pages), self.slice_size):
            began = time.monotonic()
            self._is_late = began - since > self.late_after
            for page in pages[first : first + self.slice_size]:
                await self._send_to_page(page, messages)
            await asyncio.sleep(time.monotonic() - began)

    async def _send_to_page(self, page: InboxPage, messages: ChangeMessages) -> None:
        # What the person may see is read for each page, right before it is sent: it may have
        # changed while messages were sent to the other pages.
        if page.viewer is None or not page.is_receiving:
            return
        page.show_state(late=self._is_late)
        what = messages.for_viewer(page.viewer)
        if not what:
            return
        try:
            await page.send_numbered(f'{what},"spread":{self.spread}}}')
        except Exception:
            logger.exception("A change could not be sent to a page; the page connects again.")
            await page.close()


loop_inbox_pages = per_loop(InboxPages)


def _in_thread(batch: Batch) -> list[Change]:
    try:
        return read_changes(batch)
    finally:
        reset_queries()  # Django does this in DEBUG only at the end of a request
