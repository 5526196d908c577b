"""A page that reads all of its content again after each change, as a run page does."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, ClassVar

from django.db import Error as DatabaseFailed

from workflows.models.requests.audience import Viewer
from workflows.realtime.subscriber import loop_subscriber
from workflows.sockets.consumer import NOT_ALLOWED, PageConsumer
from workflows.sockets.content_checks import loop_content_checks

logger = logging.getLogger(__name__)

READ_AGAIN = '"read":true,"spread":0}'


class RefreshConsumer(PageConsumer):
    """One open page that is sent messages to read again. A subclass defines its groups.

    `may_see` is asked before each such message, because a run may become hidden from somebody whose
    permissions stay as they are.
    """

    interval: ClassVar[float] = 0.5
    """Seconds between two messages to a page, at least."""
    max_retry_delay: ClassVar[float] = 60.0
    """The pauses after an error that is not the database's are 2, 4, 8 ... seconds, up to this."""

    def groups_for(self) -> list[str]:
        """Return the groups to join. May read `self.scope`; the person was not checked yet."""
        raise NotImplementedError

    def may_see(self, viewer: Viewer) -> bool:
        """Return True if the person may see the content. Called in a thread; may use the ORM."""
        raise NotImplementedError

    def allowed(self, viewer: Viewer) -> bool:
        """Return True: `may_see` decides."""
        return True

    async def join(self) -> None:
        """Join the groups of the page."""
        self._refreshed = -self.interval
        self._failures = 0
        self._pending: asyncio.Task[None] | None = None
        await loop_subscriber().join(self, self.groups_for())

    async def leave(self) -> None:
        """Leave the groups, and cancel a message that was due."""
        if self._pending is not None:
            self._pending.cancel()
        await loop_subscriber().leave(self, self.groups_for())

    def receive_message(self, message: dict[str, Any]) -> None:
        """Have the page read again soon."""
        self.read_again()

    def read_again(self) -> None:
        """Have the page read again soon, unless this is planned already."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._send_when_due())

    async def _send_when_due(self) -> None:
        await asyncio.sleep(max(0.0, self._refreshed + self.interval - time.monotonic()))
        self._refreshed = time.monotonic()
        # The page may miss changes from here on, so they plan the next message.
        self._pending = None
        if not self.is_receiving or not loop_subscriber().is_live:
            return  # it reads again once it is live again
        try:
            if not await self._close_if_hidden():
                await self.send_numbered(READ_AGAIN)
            self._failures = 0
        except DatabaseFailed:
            self.read_again()
        except Exception:
            self._failures += 1
            pause = min(self.max_retry_delay, 2.0**self._failures)
            logger.warning("A page was not refreshed; another try in %s s.", pause, exc_info=True)
            self._refreshed += pause
            self.read_again()

    async def _close_if_hidden(self) -> bool:
        """Close the socket and return True if the person may not see the content."""
        viewer = self.viewer
        if viewer is None:
            return True
        key = (type(self), tuple(self.scope["url_route"]["kwargs"].items()), viewer)
        if await loop_content_checks().check(key, lambda: self.may_see(viewer)):
            return False
        await self.close(NOT_ALLOWED)
        return True
