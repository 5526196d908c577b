"""A socket that only ever tells a page to fetch again.

A page's content is rendered in one place, by its ordinary view, which also knows who may see what.
So a socket sends no content: a refresh is an empty element that makes the page fetch. Whatever was
missed over a gap comes with the next fetch, and a refresh never shows what a person may not see.
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
REFRESH = '<i id="refresh" hidden></i>'  # put in place by its id; the page's script fetches then
LIVE, RECONNECTING = "live", "reconnecting"  # what a page shows; its script knows these words


class RefreshConsumer(AsyncWebsocketConsumer):
    """One open page. A subclass says which groups concern it, and who may look.

    The person is read from the database again before every refresh; the socket closes with 4401
    once the login has ended, with 4403 once `allowed` says no. One that is opened while the
    person has `SOCKETS_PER_PERSON` in this process closes with 4429, and one that sends anything
    with 1008.

    The messages to its groups come from the process's one subscriber. The layer never knows this
    socket.
    """

    channel_layer_alias = None
    interval_per_page: ClassVar[float] = 0.05
    max_interval: ClassVar[float] = 1.0
    """Seconds between two refreshes: so much for each page of this process, up to the maximum.

    A burst of changes costs all pages together twenty fetches a second, and each at least one.
    """
    max_retry_delay: ClassVar[float] = 60.0
    """After an error that is not the database's it is tried again after 2, 4, 8 ... seconds."""

    async def groups_for(self) -> list[str]:
        """Return the groups to join. May read `self.scope`; nobody has been checked yet."""
        raise NotImplementedError

    def allowed(self, user: User) -> bool:
        """Say whether `user`, fresh from the database, may look. Sync; may use the ORM."""
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket, and forget it however that ends: an error is no `disconnect`."""
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
        """Join, accept, then check: a refused handshake is retried by browsers for ever.

        Joining comes first, so that nothing falls between the page's first fetch, which it
        makes when the socket opens, and the first refresh.
        """
        self._refreshed = -self.max_interval
        self._failures = 0
        self._shows_live = True  # what the page shows of its own while the socket is open
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
            may_look = True  # nobody knows yet: it is asked again before anything is sent
            await self._show_live(False)
            self.wake()
        if may_look and not self._subscriber.is_live:
            self.wake()

    @property
    def user_id(self) -> Any:
        """The key of who opened the socket, None without a login."""
        return getattr(self.scope["user"], "pk", None)

    def _are_too_many(self) -> bool:
        limit = settings.SOCKETS_PER_PERSON
        return self.user_id is not None and sockets_of(self.user_id) >= limit

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Close: our pages send nothing, and whoever does is none of them."""
        await self.close(POLICY_VIOLATION)

    async def disconnect(self, code: int) -> None:
        """Leave the groups and drop a refresh that was due."""
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
        """Schedule a refresh, or close if it was this page's login that ended."""
        if message["type"] != "session.ended":
            self.wake()
        elif message.get("session") == session_tag(self._session_key()):
            self._closing = asyncio.create_task(self.close(LOGIN_NEEDED))

    def wake(self) -> None:
        """Schedule a refresh, unless one is due already."""
        if not self._gone and (self._pending is None or self._pending.done()):
            self._pending = asyncio.create_task(self._refresh_when_due())

    async def _refresh_when_due(self) -> None:
        interval = min(self.max_interval, self.interval_per_page * len(open_sockets))
        await asyncio.sleep(max(0.0, self._refreshed + interval - time.monotonic()))
        await loop_refresh_limiter().wait()
        self._refreshed = time.monotonic()
        # From here on what changes may be missing from the fetch, so it asks for the next refresh.
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
        """Refresh the page, or show that it is not live. False if that has to be tried again."""
        if self._subscriber is not None and not self._subscriber.is_live:
            await self._show_live(False)  # the subscriber wakes its pages when it receives again
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
        """Let the page show that it is not live, or is again, if it does not show that yet."""
        if live != self._shows_live:
            self._shows_live = live
            await self.send(text_data=LIVE if live else RECONNECTING)

    async def _check_access(self) -> bool:
        """Check the person; close the socket and return False if they may not look."""
        address = tuple(self.scope["url_route"]["kwargs"].items())
        key = (type(self), address, self._session_key())
        code = await loop_access_checks().check(key, self._refusal)
        if code is not None:
            await self.close(code)
        return code is None

    def _refusal(self) -> int | None:
        """Return the code to close with, None if the person may look."""
        user = user_of_session(self._session_key())
        if not isinstance(user, User):
            return LOGIN_NEEDED
        return None if self.allowed(user) else NOT_ALLOWED

    def _session_key(self) -> str | None:
        session = self.scope.get("session")
        return None if session is None else session.session_key
