"""Notifies workers and pages of changes, always after the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import transaction

from workflows.realtime.messages import Messages, Seen, request_messages, run_messages
from workflows.realtime.outbox import MainLoop, loop_outbox, send_message, send_wakeup
from workflows.realtime.publisher_thread import publisher_loop

logger = logging.getLogger(__name__)


def after_commit(
    *,
    runs: Iterable[UUID] = (),
    changed: Iterable[UUID] = (),
    added: Iterable[UUID] = (),
    requests_of: Iterable[UUID] = (),
    seen_before: Mapping[UUID, Seen] | None = None,
    wake_worker: bool = False,
    hand_over: Callable[[], None] | None = None,
) -> None:
    """After the commit, publish which runs and requests changed, or that a run is queued.

    The arguments about requests are those of `request_messages`. `hand_over` is called on the main
    loop, and gives a leased run to the worker of this process.
    """
    messages = run_messages(runs) | request_messages(
        changed=changed, added=added, requests_of=requests_of, seen_before=seen_before
    )
    enqueue_after_commit(messages, wake_worker=wake_worker, hand_over=hand_over)


def enqueue_after_commit(
    messages: Messages, *, wake_worker: bool = False, hand_over: Callable[[], None] | None = None
) -> None:
    """After the commit, publish these messages."""
    call = partial(enqueue, messages, wake_worker=wake_worker, hand_over=hand_over)
    transaction.on_commit(call, robust=True)


async def publish(
    *,
    runs: Iterable[UUID] = (),
    changed: Iterable[UUID] = (),
    added: Iterable[UUID] = (),
    requests_of: Iterable[UUID] = (),
    wake_worker: bool = False,
) -> None:
    """Publish now, from the event loop. Does not wait for the sending and never raises."""
    messages = run_messages(runs) | request_messages(
        changed=changed, added=added, requests_of=requests_of
    )
    loop_outbox().add(messages, wake_worker=wake_worker)


def enqueue(
    messages: Messages, *, wake_worker: bool = False, hand_over: Callable[[], None] | None = None
) -> None:
    """Pass messages to the loop that sends them. Call it from any thread without an event loop.

    Does not wait and never raises. If the main loop has ended, no run is handed over. Then its
    lease ends, and another worker takes it over.
    """

    def send() -> None:
        if hand_over is not None and loop is MainLoop.loop:
            hand_over()
        loop_outbox().add(messages, wake_worker=wake_worker)

    loop = MainLoop.loop
    if loop is None or not loop.is_running():
        if isinstance(get_channel_layer(), InMemoryChannelLayer):
            # Only the loop of this thread can receive the message.
            async_to_sync(_publish_once)(messages, wake_worker)
            return
        loop = publisher_loop()
    loop.call_soon_threadsafe(send)


async def _publish_once(messages: Messages, wake_worker: bool) -> None:
    """Send on a loop that may end at any time. Errors are logged, never raised."""
    try:
        if wake_worker:
            await send_wakeup()
        for message in messages.values():
            await send_message(message)
    except Exception:
        logger.warning("The channel layer failed; pages are updated later.", exc_info=True)
