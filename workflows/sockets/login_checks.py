"""Checks the logins of all open pages: regularly, when a page opens, and when a message says so.

A thousand pages would need a thousand queries if each page were checked before each message. Here
all logins are checked together, once a second at most for each of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, ClassVar, Protocol

from channels.db import database_sync_to_async
from django.db import Error as DatabaseFailed
from django.db import reset_queries

from workflows.models.requests.audience import Viewer
from workflows.realtime.messages import PEOPLE
from workflows.realtime.per_loop import per_loop
from workflows.realtime.subscriber import loop_subscriber
from workflows.sockets.logins import viewers_of
from workflows.sockets.signals import session_tag

logger = logging.getLogger(__name__)


class Page(Protocol):
    """What the checks ask of an open page. Its methods do not wait."""

    session: str

    def set_viewer(self, viewer: Viewer | None) -> None:
        """Take the person behind the page as they are now; None if the login has ended."""

    def set_database(self, *, works: bool) -> None:
        """Take whether the logins could be checked."""


class LoginChecks:
    """The open pages of one event loop by session, and the task that checks their logins."""

    interval: ClassVar[float] = 1.0
    """Seconds between two checks of all logins."""

    def __init__(self) -> None:
        self._pages: defaultdict[str, set[Page]] = defaultdict(set)
        self._viewers: dict[str, Viewer] = {}
        self._works = True
        self._wanted: set[str] = set()
        self._wakeup = asyncio.Event()
        # Set when the checks are made that messages asked for: those under way, and later ones.
        self._current: asyncio.Event | None = None
        self._next: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    async def join(self, page: Page) -> None:
        """Check the login of this page soon, and regularly from now on."""
        self._pages[page.session].add(page)
        self._want([page.session])
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await loop_subscriber().join(self, [PEOPLE])

    async def leave(self, page: Page) -> None:
        """Check the login of this page no more."""
        self._pages[page.session].discard(page)
        if not self._pages[page.session]:
            del self._pages[page.session]
            self._viewers.pop(page.session, None)
        if not self._pages:
            if self._task is not None:
                self._task.cancel()
                self._task = None
            if self._next is not None:
                self._next.set()
                self._next = None
            await loop_subscriber().leave(self, [PEOPLE])

    def receive_message(self, message: dict[str, Any]) -> None:
        """Check at once the logins that the message is about. A login that was ended has ended.

        It is not checked: Django announces the end before it deletes the session.
        """
        if message["type"] == "people.changed":
            self._want(list(self._pages))
        elif message["type"] == "person.changed":
            self._want(
                key for key, viewer in self._viewers.items() if viewer.key == message["user"]
            )
        elif message["type"] == "session.ended":
            for key in [one for one in self._pages if session_tag(one) == message["session"]]:
                self._set_viewer(key, None)

    def wake(self) -> None:
        """Check all logins at once: messages may have been missed."""
        self._want(list(self._pages))

    async def settle(self) -> None:
        """Wait for the checks that messages have asked for until now.

        So a page is not sent a change that was made after its person lost the right to see it.
        """
        settled = self._next or self._current
        if settled is not None:
            await settled.wait()

    def _want(self, sessions: Any) -> None:
        self._wanted.update(sessions)
        if self._wanted:
            self._next = self._next or asyncio.Event()
            self._wakeup.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(checked + self.interval):
                    await self._wakeup.wait()
            except TimeoutError:
                self._wanted.update(self._pages)
                checked = loop.time()
            self._wakeup.clear()
            sessions, self._wanted = self._wanted & self._pages.keys(), set()
            self._current, self._next = self._next, None
            try:
                await self._check(sessions)
            except Exception:
                logger.exception("The logins of open pages could not be passed on.")
            finally:
                if self._current is not None:
                    self._current.set()
                    self._current = None

    async def _check(self, sessions: Collection[str]) -> None:
        try:
            found = await database_sync_to_async(_in_thread, thread_sensitive=False)(
                viewers_of, sessions
            )
        except DatabaseFailed as error:
            self._set_database(works=False, why=error)
            return
        except Exception:
            logger.exception("The logins of open pages could not be checked.")
            self._set_database(works=False)
            return
        for session in sessions:
            self._set_viewer(session, found.get(session))
        self._set_database(works=True)

    def _set_viewer(self, session: str, viewer: Viewer | None) -> None:
        """Pass on who is behind the pages of a session, to those that do not know it yet."""
        if viewer is None:
            self._viewers.pop(session, None)
        else:
            self._viewers[session] = viewer
        for page in list(self._pages.get(session, ())):
            page.set_viewer(viewer)

    def _set_database(self, *, works: bool, why: Exception | None = None) -> None:
        if works != self._works:
            if not works:
                logger.warning("The logins of open pages cannot be checked. %r", why)
            self._works = works
        for page in [page for pages in self._pages.values() for page in pages]:
            page.set_database(works=works)


loop_login_checks = per_loop(LoginChecks)


def _in_thread(function: Callable[[Collection[str]], Any], sessions: Collection[str]) -> Any:
    try:
        return function(sessions)
    finally:
        reset_queries()  # Django does this in DEBUG only at the end of a request
