"""The socket of an open page.

A socket sends ids, never content. The content of a page is rendered only by its view, which checks
what the person may see.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from workflows.models.requests.audience import Viewer
from workflows.realtime.subscriber import loop_subscriber
from workflows.sockets.login_checks import loop_login_checks
from workflows.sockets.open_sockets import open_sockets, sockets_of

LOGIN_NEEDED = 4401
NOT_ALLOWED = 4403
TOO_MANY = 4429
POLICY_VIOLATION = 1008
LIVE, RECONNECTING, DELAYED = "live", "reconnecting", "delayed"  # what a page shows of itself


class PageConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One open page. A subclass decides who may see it, and what it is sent.

    The socket closes with 4401 when the login has ended, with 4403 when `allowed` returns False,
    with 4429 if the person has `SOCKETS_PER_PERSON` sockets in this process already, and with 1008
    if the page sends anything.

    A message to the page is JSON: `{"state": ...}`, or `{"n": 7, ...}` with a number that grows by
    one, so that the page notices a loss. What else is in it is said by the functions that send it.
    """

    channel_layer_alias = None

    async def join(self) -> None:
        """Begin to receive messages about what the page shows."""
        raise NotImplementedError

    async def leave(self) -> None:
        """Stop receiving messages. `join` may not have been called."""
        raise NotImplementedError

    def allowed(self, viewer: Viewer) -> bool:
        """Return True if this person may have such a page open."""
        raise NotImplementedError

    def read_again(self) -> None:
        """Have the page read everything again soon. Does not wait."""
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket, and remove it afterwards. After an error there is no `disconnect`."""
        self.viewer: Viewer | None = None  # None until the first check
        self.session = ""
        self._is_joined = self._is_gone = False
        self._state = LIVE  # the page shows this itself while the socket is open
        self._database_works = True
        self._number = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._forget()

    async def connect(self) -> None:
        """Join, accept, then wait for the check. Browsers retry a refused handshake for ever.

        Joining comes first, because the page reads its content when the socket opens. So no change
        after this is missed.
        """
        session = self.scope.get("session")
        self.session = (session and session.session_key) or ""
        if self.user_id is not None and sockets_of(self.user_id) >= settings.SOCKETS_PER_PERSON:
            await self.accept()
            await self.close(TOO_MANY)
            return
        open_sockets.add(self)
        self._is_joined = True
        await self.join()
        await self.accept()
        await loop_login_checks().join(self)
        if not loop_subscriber().is_live:
            self.show_state()

    @property
    def user_id(self) -> Any:
        """The key of the person who opened the socket, None without a login."""
        return getattr(self.scope["user"], "pk", None)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Close the socket: the pages of this site send nothing."""
        await self.close(POLICY_VIOLATION)

    async def disconnect(self, code: int) -> None:
        """Forget the page."""
        await self._forget()

    async def _forget(self) -> None:
        open_sockets.discard(self)
        self._is_gone = True
        joined, self._is_joined = self._is_joined, False
        if joined:
            await self.leave()
            await loop_login_checks().leave(self)

    # --- who looks ----------------------------------------------------------------------------
    def set_viewer(self, viewer: Viewer | None) -> None:
        """Take the person as they are now. The page is closed if they may not see it any more.

        At first, and if what they may see has changed, the page reads everything again.
        """
        before, self.viewer = self.viewer, viewer
        if viewer is None:
            self._begin(self.close(LOGIN_NEEDED))
        elif not self.allowed(viewer):
            self._begin(self.close(NOT_ALLOWED))
        elif before != viewer:
            self.read_again()

    def set_database(self, *, works: bool) -> None:
        """Show whether the page is updated. Once it is again, it reads everything again."""
        if works != self._database_works:
            self._database_works = works
            self.wake()

    def wake(self) -> None:
        """Show whether the page is updated live, which has just changed. Does not wait."""
        self.show_state()
        if self._state == LIVE:
            self.read_again()

    # --- sending ------------------------------------------------------------------------------
    @property
    def is_receiving(self) -> bool:
        """True if the page may be sent what its person may see."""
        return not self._is_gone and self.viewer is not None and self._database_works

    def show_state(self, *, late: bool = False) -> None:
        """Let the page show whether it is updated live, if this has changed."""
        works = self._database_works and loop_subscriber().is_live
        state = (DELAYED if late else LIVE) if works else RECONNECTING
        if state != self._state and not self._is_gone:
            self._state = state
            self._begin(self.send(text_data=json.dumps({"state": state})))

    async def send_numbered(self, rest: str) -> None:
        """Send a message with the next number. `rest` is the JSON object after its brace."""
        self._number += 1
        await self.send(text_data=f'{{"n":{self._number},{rest}')

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
