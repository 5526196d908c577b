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
from weakref import WeakKeyDictionary

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user, user_logged_out
from django.contrib.auth.models import AnonymousUser, User
from django.db import Error as DatabaseFailed
from django.dispatch import receiver
from django.http import HttpRequest

from workflows.observability import metrics
from workflows.realtime import publisher
from workflows.realtime.access_checks import Verdicts
from workflows.realtime.subscriber import Ear

logger = logging.getLogger(__name__)

LOGIN_NEEDED = 4401
NOT_ALLOWED = 4403
TOO_MANY = 4429
POLICY_VIOLATION = 1008
NUDGE = '<i id="nudge" hidden></i>'  # put in place by its id; the page's script fetches then
LIVE, AWAY = "live", "reconnecting"  # what a page shows; its script knows these words


class NudgeConsumer(AsyncWebsocketConsumer):
    """One open page. A subclass says which groups concern it, and who may look.

    The person is read from the database again before every push; the socket closes with 4401
    once the login has ended, with 4403 once `allowed` says no. One that is opened while the
    person has `SOCKETS_PER_PERSON` in this process closes with 4429, and one that sends anything
    with 1008.

    What is said to its groups comes from the process's one ear. The layer never knows this socket.
    """

    channel_layer_alias = None
    share: ClassVar[float] = 0.05
    longest: ClassVar[float] = 1.0
    rest: ClassVar[float] = 60.0
    """Seconds between two nudges: `share` for each page that this process serves, at most so many.

    A burst of changes costs all pages together twenty fetches a second, and each at least one.
    After an error that is not the database's it is tried again after 2, 4, 8 ... `rest` seconds.
    """

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
        self._ear: Ear | None = None
        self._joined: list[str] = []
        self._gone = False
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._forget()

    async def connect(self) -> None:
        """Join, accept, then check: a refused handshake is retried by browsers for ever.

        Joining comes first, so that nothing falls between the page's first fetch, which it
        makes when the socket opens, and the first nudge.
        """
        self._nudged = -self.longest
        self._failures = 0
        self._says_live = True  # what the page shows of its own while the socket is open
        self._joined = await self.groups_for()
        if self.user_id is not None:
            self._joined.append(user_group(self.user_id))
        if self._are_too_many():
            await self.accept()
            await self.close(TOO_MANY)
            return
        metrics.sockets.add(self)
        self._ear = Ear.here()
        await self._ear.join(self, self._joined)
        await self.accept()
        try:
            admitted = await self._admitted()
        except DatabaseFailed:
            admitted = True  # nobody knows yet: it is asked again before anything is said
            await self._say_live(False)
            self.wake()
        if admitted and not self._ear.is_live:
            self.wake()

    @property
    def user_id(self) -> Any:
        """The key of who opened the socket, None without a login."""
        return getattr(self.scope["user"], "pk", None)

    def _are_too_many(self) -> bool:
        own = [one for one in metrics.sockets if one.user_id == self.user_id]
        return self.user_id is not None and len(own) >= settings.SOCKETS_PER_PERSON

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Close: our pages send nothing, and whoever does is none of them."""
        await self.close(POLICY_VIOLATION)

    async def disconnect(self, code: int) -> None:
        """Leave the groups and drop a nudge that was due."""
        await self._forget()

    async def _forget(self) -> None:
        metrics.sockets.discard(self)
        self._gone = True
        if self._pending is not None:
            self._pending.cancel()
        ear, self._ear = self._ear, None
        if ear is not None:
            await ear.leave(self, self._joined)

    def hear(self, message: dict[str, Any]) -> None:
        """Schedule a nudge, or close if it was this page's login that ended."""
        if message["type"] != "session.ended":
            self.wake()
        elif message.get("session") == session_tag(self._session_key()):
            self._closing = asyncio.create_task(self.close(LOGIN_NEEDED))

    def wake(self) -> None:
        """Schedule a nudge, unless one is due already."""
        if not self._gone and (self._pending is None or self._pending.done()):
            self._pending = asyncio.create_task(self._nudge_when_due())

    async def _nudge_when_due(self) -> None:
        gap = min(self.longest, self.share * len(metrics.sockets))
        await asyncio.sleep(max(0.0, self._nudged + gap - time.monotonic()))
        await Turns.here().wait()
        self._nudged = time.monotonic()
        # From here on what changes may be missing from the fetch, so it asks for the next nudge.
        self._pending = None
        try:
            said = await self._nudge()
        except Exception:
            self._failures += 1
            pause = min(self.rest, 2.0**self._failures)
            logger.warning("A nudge failed; another try in %s s.", pause, exc_info=True)
            self._nudged += pause
            said = False
        else:
            self._failures = 0
        if not said:
            self.wake()

    async def _nudge(self) -> bool:
        """Nudge the page, or say that it is not live. False if that has to be tried again."""
        if self._ear is not None and not self._ear.is_live:
            await self._say_live(False)  # the ear wakes its pages when it hears again
            return True
        try:
            admitted = await self._admitted()
        except DatabaseFailed:
            await self._say_live(False)
            return False
        if admitted:
            await self._say_live(True)
            await self.send(text_data=NUDGE)
        return True

    async def _say_live(self, live: bool) -> None:
        """Let the page say that it is not live, or is again, if that is news."""
        if live != self._says_live:
            self._says_live = live
            await self.send(text_data=LIVE if live else AWAY)

    async def _admitted(self) -> bool:
        """Check the person; close the socket and return False if they may not look."""
        subject = tuple(self.scope["url_route"]["kwargs"].items())
        key = (type(self), subject, self._session_key())
        code = await Verdicts.here().ask(key, self._verdict)
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


class Turns:
    """Spreads what many open pages will fetch: a nudge is a request a moment later.

    The first hundred pages are told at once. A thousand that all asked in the same second would
    keep the answers of people waiting until the last one had its list.
    """

    burst: ClassVar[int] = 100
    rate: ClassVar[float] = 50.0  # nudges a second beyond that

    _all: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._next = 0.0  # when the last of all who wait will have been served

    @classmethod
    def here(cls) -> Turns:
        """Return the turns of the running loop."""
        return cls._all.setdefault(asyncio.get_running_loop(), cls())

    async def wait(self) -> None:
        """Return when it is this page's turn."""
        now = time.monotonic()
        self._next = max(self._next, now - self.burst / self.rate) + 1 / self.rate
        await asyncio.sleep(max(0.0, self._next - now))


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
    group = user_group(user.pk)
    message = {"type": "session.ended", "group": group, "session": tag}
    publisher.hand_over({f"{group} {tag}": message})
