"""A socket that only tells a page to fetch its content again.

The content of a page is rendered only by its view, which checks what the person may see. So a
socket sends no content. A refresh is an empty element that makes the page fetch. After an
interruption the next fetch has all changes, and a refresh cannot show what a person may not see.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, ClassVar

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error as DatabaseFailed

from workflows.realtime.access_checks import loop_access_checks
from workflows.realtime.open_sockets import open_sockets, sockets_of
from workflows.realtime.rate_limit import loop_refresh_limiter
from workflows.realtime.sessions import session_tag, user_group, user_of_session
from workflows.realtime.subscriber import Subscriber, loop_subscriber

logger = logging.getLogger(__name__)

LOGIN_NEEDED = 4401
NOT_ALLOWED = 4403
TOO_MANY = 4429
POLICY_VIOLATION = 1008
REFRESH = '<i id="refresh" hidden></i>'  # replaced by its id; then the page fetches
LIVE, RECONNECTING = "live", "reconnecting"  # shown by the page; its script knows these words


class RefreshConsumer(AsyncWebsocketConsumer):
    """One open page. A subclass defines its groups, and who may see the page.

    The person is read from the database before every refresh. The socket closes with 4401 when the
    login has ended, with 4403 when `allowed` returns False, with 4429 if the person has
    `SOCKETS_PER_PERSON` sockets in this process already, and with 1008 if the page sends anything.

    The subscriber of the process receives the messages of its groups. The socket itself is no
    member of a group.
    """

    channel_layer_alias = None
    interval_per_page: ClassVar[float] = 0.05
    max_interval: ClassVar[float] = 1.0
    """Seconds between two refreshes, multiplied by the pages of this process, up to the maximum.

    During many changes all pages together fetch twenty times a second, and each at least once.
    """
    max_retry_delay: ClassVar[float] = 60.0
    """The pauses after an error that is not the database's are 2, 4, 8 ... seconds, up to this."""

    async def groups_for(self) -> list[str]:
        """Return the groups to join. May read `self.scope`; the person was not checked yet."""
        raise NotImplementedError

    def allowed(self, user: User) -> bool:
        """Return True if `user`, just read from the database, may see the page. May use the ORM."""
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket, and remove it afterwards. After an error there is no `disconnect`."""
        self._pending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._subscriber: Subscriber | None = None
        self._joined: list[str] = []
        self._gone = False
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._forget()

    async def connect(self) -> None:
        """Join the groups, accept, then check. Browsers retry a refused handshake for ever.

        Joining comes first, because the page fetches when the socket opens. So no change between
        this fetch and the first refresh is missed.
        """
        self._refreshed = -self.max_interval
        self._failures = 0
        self._shows_live = True  # the page shows this itself while the socket is open
        self._joined = await self.groups_for()
        if self.user_id is not None:
            self._joined.append(user_group(self.user_id))
        if self._are_too_many():
            await self.accept()
            await self.close(TOO_MANY)
            return
        open_sockets.add(self)
        self._subscriber = loop_subscriber()
        await self._subscriber.join(self, self._joined)
        await self.accept()
        try:
            may_look = await self._check_access()
        except DatabaseFailed:
            may_look = True  # unknown yet: it is checked again before the next refresh
            await self._show_live(False)
            self.wake()
        if may_look and not self._subscriber.is_live:
            self.wake()

    @property
    def user_id(self) -> Any:
        """The key of the person who opened the socket, None without a login."""
        return getattr(self.scope["user"], "pk", None)

    def _are_too_many(self) -> bool:
        limit = settings.SOCKETS_PER_PERSON
        return self.user_id is not None and sockets_of(self.user_id) >= limit

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Close the socket: the pages of this site send nothing."""
        await self.close(POLICY_VIOLATION)

    async def disconnect(self, code: int) -> None:
        """Leave the groups and cancel a refresh that was due."""
        await self._forget()

    async def _forget(self) -> None:
        open_sockets.discard(self)
        self._gone = True
        if self._pending is not None:
            self._pending.cancel()
        subscriber, self._subscriber = self._subscriber, None
        if subscriber is not None:
            await subscriber.leave(self, self._joined)

    def receive_message(self, message: dict[str, Any]) -> None:
        """Schedule a refresh, or close if the message says that the login of this page ended."""
        if message["type"] != "session.ended":
            self.wake()
        elif message.get("session") == session_tag(self._session_key()):
            self._closing = asyncio.create_task(self.close(LOGIN_NEEDED))

    def wake(self) -> None:
        """Schedule a refresh, unless one is scheduled already."""
        if not self._gone and (self._pending is None or self._pending.done()):
            self._pending = asyncio.create_task(self._refresh_when_due())

    async def _refresh_when_due(self) -> None:
        interval = min(self.max_interval, self.interval_per_page * len(open_sockets))
        await asyncio.sleep(max(0.0, self._refreshed + interval - time.monotonic()))
        await loop_refresh_limiter().wait()
        self._refreshed = time.monotonic()
        # The fetch may miss changes from here on, so they schedule the next refresh.
        self._pending = None
        try:
            sent = await self._refresh()
        except Exception:
            self._failures += 1
            pause = min(self.max_retry_delay, 2.0**self._failures)
            logger.warning("A refresh failed; another try in %s s.", pause, exc_info=True)
            self._refreshed += pause
            sent = False
        else:
            self._failures = 0
        if not sent:
            self.wake()

    async def _refresh(self) -> bool:
        """Refresh the page, or show that it is not updated. False if this has to be tried again."""
        if self._subscriber is not None and not self._subscriber.is_live:
            await self._show_live(False)  # the subscriber refreshes its pages later
            return True
        try:
            may_look = await self._check_access()
        except DatabaseFailed:
            await self._show_live(False)
            return False
        if may_look:
            await self._show_live(True)
            await self.send(text_data=REFRESH)
        return True

    async def _show_live(self, live: bool) -> None:
        """Let the page show whether it is updated live, if this has changed."""
        if live != self._shows_live:
            self._shows_live = live
            await self.send(text_data=LIVE if live else RECONNECTING)

    async def _check_access(self) -> bool:
        """Check the person; close the socket and return False if they may not see the page."""
        address = tuple(self.scope["url_route"]["kwargs"].items())
        key = (type(self), address, self._session_key())
        code = await loop_access_checks().check(key, self._refusal)
        if code is not None:
            await self.close(code)
        return code is None

    def _refusal(self) -> int | None:
        """Return the code to close with, None if the person may see the page."""
        user = user_of_session(self._session_key())
        if not isinstance(user, User):
            return LOGIN_NEEDED
        return None if self.allowed(user) else NOT_ALLOWED

    def _session_key(self) -> str | None:
        session = self.scope.get("session")
        return None if session is None else session.session_key
