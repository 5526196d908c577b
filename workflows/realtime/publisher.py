"""Telling workers and pages that something changed, after the commit and never before it.

A message is a bell: it carries ids and no content, it may be lost, and whoever hears it reads the
rows. So nobody waits for a layer that is slow or away, and one that fails costs a delay.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)

WORKERS = "workflows"  # the channel that workers listen to
INBOX = "inbox"  # the group of every open inbox

GAP = 0.05  # seconds in which what happens is told once
RETRY = 1.0  # seconds between attempts on a layer that failed
PATIENCE = 2.0  # seconds that one message may take
MOST = 10_000  # messages kept for a layer that is away

Messages = dict[str, dict[str, Any]]


class Home:
    """The event loop that owns the in-memory layer, which other threads may not touch, what
    rings the worker of this process on it, and the loop that speaks for threads without one."""

    loop: asyncio.AbstractEventLoop | None = None
    voice: asyncio.AbstractEventLoop | None = None
    ring: Callable[[], None] | None = None


def run_group(run_id: UUID | str) -> str:
    """Return the group of the pages that show this run."""
    return f"run.{run_id}"


def after_commit(*, runs: Iterable[UUID] = (), inbox: bool = False, bell: bool = False) -> None:
    """Say after the commit that these runs changed, that the inbox did, that a run is queued."""
    call = partial(now, runs=list(runs), inbox=inbox, bell=bell)
    transaction.on_commit(call, robust=True)


def now(*, runs: Iterable[UUID], inbox: bool = False, bell: bool = False) -> None:
    """Say at once, from a thread without an event loop of its own. Does not wait, never raises."""
    hand_over(_messages(runs, inbox), bell=bell)


async def send(*, runs: Iterable[UUID], inbox: bool = False, bell: bool = False) -> None:
    """Say from the event loop. Does not wait until it was said, never raises."""
    Post.here().add(_messages(runs, inbox), bell=bell)


def hand_over(messages: Messages, *, bell: bool = False) -> None:
    """Give messages, by what tells them apart, to the loop that says them. From any thread."""
    loop = Home.loop
    if loop is None or not loop.is_running():
        if isinstance(get_channel_layer(), InMemoryChannelLayer):
            async_to_sync(_say_once)(messages, bell)  # heard on this thread's loop or nowhere
            return
        loop = voice()
    loop.call_soon_threadsafe(lambda: Post.here().add(messages, bell=bell))


def _messages(runs: Iterable[UUID], inbox: bool) -> Messages:
    groups = {run_group(run_id): str(run_id) for run_id in runs}
    found: Messages = {
        group: {"type": "run.changed", "group": group, "id": key} for group, key in groups.items()
    }
    if inbox:
        found[INBOX] = {"type": "inbox.changed", "group": INBOX}
    return found


class Post:
    """What one event loop has to say. While it speaks, and for a moment after, the next gathers.

    The same twice is said once. The bell never waits for the pages' messages; what a failing
    layer does not take is kept and said when it is back, except the bell: workers look anyway.
    """

    _posts: WeakKeyDictionary[asyncio.AbstractEventLoop, Post] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._kept: Messages = {}
        self._rings = self._ringing = False  # a bell is to be rung; it is on its way
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failing = False

    @classmethod
    def here(cls) -> Post:
        """Return the post of the running loop."""
        loop = asyncio.get_running_loop()
        post = cls._posts.get(loop)
        if post is None:
            post = cls._posts[loop] = cls()
        return post

    @property
    def is_done(self) -> bool:
        """Say whether everything has been said, or cannot be at the moment."""
        return self._failing or not (self._kept or self._rings or self._ringing)

    def add(self, messages: Messages, *, bell: bool = False) -> None:
        """Say this soon. Call it on the loop."""
        if len(self._kept) < MOST:
            self._kept.update(messages)
        if bell and not _ring_here():
            self._rings = True
            self._begin("bell", self._ring)
        if messages:
            self._begin("pages", self._tell)

    def _begin(self, name: str, work: Any) -> None:
        task = self._tasks.get(name)
        if task is None or task.done():
            self._tasks[name] = asyncio.create_task(work())

    async def _ring(self) -> None:
        while self._rings:
            # Whoever hears this one may look before what is rung for from now on was committed.
            self._rings, self._ringing = False, True
            await self._try(_ring())
            self._ringing = False

    async def _tell(self) -> None:
        while self._kept:
            said = True
            for key, message in list(self._kept.items()):
                if not (said := await self._try(_tell(message))):
                    break
                if self._kept.get(key) is message:  # not one that came meanwhile
                    del self._kept[key]
            await asyncio.sleep(GAP if said else RETRY)

    async def _try(self, saying: Any) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                await saying
        except Exception as error:
            if not self._failing:
                logger.warning("The channel layer failed; live updates wait for it. %r", error)
            self._failing = True
            return False
        if self._failing:
            logger.info("The channel layer is back.")
        self._failing = False
        return True


def _ring_here() -> bool:
    """Ring the worker of this loop without a message; say whether nobody else can hear one."""
    if Home.ring is None or asyncio.get_running_loop() is not Home.loop:
        return False
    Home.ring()
    return isinstance(get_channel_layer(), InMemoryChannelLayer)


async def _ring() -> None:
    layer: Any = get_channel_layer()
    if layer is not None:
        with contextlib.suppress(ChannelFull):  # so many bells are ringing already
            await layer.send(WORKERS, {"type": "look"})


async def _tell(message: dict[str, Any]) -> None:
    layer: Any = get_channel_layer()
    if layer is not None:
        await layer.group_send(message["group"], message)


async def _say_once(messages: Messages, bell: bool) -> None:
    """Say it on a loop that may be gone a moment later. A failure is logged, never raised."""
    try:
        if bell:
            await _ring()
        for message in messages.values():
            await _tell(message)
    except Exception:
        logger.warning("The channel layer failed; pages catch up by themselves.", exc_info=True)


_voice_lock = threading.Lock()


def voice() -> asyncio.AbstractEventLoop:
    """Return the loop, in a thread of its own, that speaks for threads without one.

    A request is answered without waiting for Redis. What is still to be said when the process
    ends gets a moment.
    """
    with _voice_lock:
        if Home.voice is None:
            Home.voice = _start_voice()
        return Home.voice


def _start_voice() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="workflow-voice", daemon=True).start()
    atexit.register(_finish, loop)
    return loop


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    async def finish() -> None:
        async with asyncio.timeout(PATIENCE):
            while not Post.here().is_done:  # noqa: ASYNC110  rare, and the last thing that is done
                await asyncio.sleep(0.01)

    try:
        asyncio.run_coroutine_threadsafe(finish(), loop).result(PATIENCE)
    except Exception:
        logger.info("What was left to say when the process ended was not said.")
