"""A socket that only ever says "look again".

A page's content is rendered in one place, by its ordinary view, which also knows who may see what.
So a socket sends no content: a nudge is an empty element that makes the page fetch. Whatever was
missed over a gap comes with the next fetch, and a push never shows what a person may not see.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from importlib import import_module
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import get_user, user_logged_out
from django.contrib.auth.models import AnonymousUser, User
from django.dispatch import receiver
from django.http import HttpRequest

from workflows.announce import Home

logger = logging.getLogger(__name__)

LOGIN_NEEDED = 4401
NOT_ALLOWED = 4403


class NudgeConsumer(AsyncWebsocketConsumer):
    """One open page. A subclass says which groups concern it, who may look, and what to send.

    It also names its group messages, all handled alike: `run_changed = NudgeConsumer.changed`
    for `{"type": "run.changed"}`. The person is read from the database again before every
    push; the socket closes with 4401 once the login has ended, with 4403 once `allowed` says no.
    """

    gap: ClassVar[float] = 1.0
    """Seconds between two nudges: a burst of changes costs a page one fetch a second."""

    async def groups_for(self) -> list[str]:
        """Return the groups to join. May read `self.scope`; nobody has been checked yet."""
        raise NotImplementedError

    def allowed(self, user: User) -> bool:
        """Say whether `user`, fresh from the database, may look. Sync; may use the ORM."""
        raise NotImplementedError

    def nudge_html(self) -> str:
        """Return the element, swapped out of band by its id, that makes the page fetch."""
        raise NotImplementedError

    async def connect(self) -> None:
        """Join, accept, then check: a refused handshake is retried by browsers for ever.

        Joining comes first, so that nothing falls between the page's first fetch, which it
        makes when the socket opens, and the first nudge.
        """
        self._pending: asyncio.Task[None] | None = None
        self._nudged = -self.gap
        self._joined = await self.groups_for()
        if user_id := getattr(self.scope["user"], "pk", None):
            self._joined.append(user_group(user_id))
        for group in self._joined:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        await self._admitted()

    async def disconnect(self, code: int) -> None:
        """Leave the groups and drop a nudge that was due."""
        if self._pending is not None:
            self._pending.cancel()
        for group in self._joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def changed(self, message: dict[str, Any]) -> None:
        """Schedule a nudge, unless one is due already. Never raises: that would end the socket."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._nudge_when_due())

    async def session_ended(self, message: dict[str, Any]) -> None:
        """Close with 4401 if it was this page's login that ended."""
        if message.get("session") == session_tag(self._session_key()):
            await self.close(LOGIN_NEEDED)

    async def _nudge_when_due(self) -> None:
        await asyncio.sleep(max(0.0, self._nudged + self.gap - time.monotonic()))
        self._nudged = time.monotonic()
        # From here on what changes may be missing from the fetch, so it asks for the next nudge.
        self._pending = None
        try:
            if await self._admitted():
                await self.send(text_data=self.nudge_html())
        except Exception:
            logger.warning("A nudge was lost; the page's slow poll catches up.", exc_info=True)

    async def _admitted(self) -> bool:
        """Check the person; close the socket and return False if they may not look."""
        # A pool thread: the shared one would put every open page of the process in one queue.
        code = await database_sync_to_async(self._verdict, thread_sensitive=False)()
        if code is not None:
            await self.close(code)
        return code is None

    def _verdict(self) -> int | None:
        user = user_of_session(self._session_key())
        if not isinstance(user, User):
            return LOGIN_NEEDED
        return None if self.allowed(user) else NOT_ALLOWED

    def _session_key(self) -> str | None:
        session = self.scope.get("session")
        return None if session is None else session.session_key


def user_of_session(key: str | None) -> User | AnonymousUser:
    """Return who is logged in with the session `key` now, as a page's request would see it.

    Anonymous if the session is gone, the person is inactive or the password has changed since.
    """
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key=key)
    user: User | AnonymousUser = get_user(request)
    return user


def user_group(user_id: int) -> str:
    """Return the group of every socket that this person has open."""
    return f"user.{user_id}"


def session_tag(key: str | None) -> str:
    """Return what names a session in a message, and cannot be used to log in."""
    return hashlib.sha256(f"socket {key}".encode()).hexdigest()


@receiver(user_logged_out)
def close_sockets(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """Tell the sockets of the login that ends here; they need not wait for the next push."""
    if user is None:
        return
    tag = session_tag(request.session.session_key)
    if Home.loop is not None and Home.loop.is_running():
        asyncio.run_coroutine_threadsafe(tell_sockets(user.pk, tag), Home.loop)
    else:
        async_to_sync(tell_sockets)(user.pk, tag)


async def tell_sockets(user_id: int, tag: str) -> None:
    """Say that a login has ended. A layer that fails is logged: the next push closes, too."""
    layer: Any = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(user_group(user_id), {"type": "session.ended", "session": tag})
    except Exception:
        logger.warning("The channel layer failed; sockets close at their next push.", exc_info=True)
