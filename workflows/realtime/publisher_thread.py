"""A thread with an event loop, which sends messages for threads that have none."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading

from workflows.realtime.outbox import SEND_TIMEOUT, loop_outbox

logger = logging.getLogger(__name__)


class PublisherThread:
    """The loop of the thread, None before the start."""

    loop: asyncio.AbstractEventLoop | None = None


_lock = threading.Lock()


def publisher_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of the thread, which is started at the first call.

    So a request is answered without waiting for Redis. When the process ends, it waits a moment
    for unsent messages.
    """
    with _lock:
        if PublisherThread.loop is None:
            PublisherThread.loop = _start()
        return PublisherThread.loop


def _start() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="workflow-publisher", daemon=True).start()
    atexit.register(_finish, loop)
    return loop


def _finish(loop: asyncio.AbstractEventLoop) -> None:
    async def finish() -> None:
        async with asyncio.timeout(SEND_TIMEOUT):
            while not loop_outbox().is_done:  # noqa: ASYNC110  rare, and done last
                await asyncio.sleep(0.01)

    try:
        asyncio.run_coroutine_threadsafe(finish(), loop).result(SEND_TIMEOUT)
    except Exception:
        logger.info("The process ended before all messages were published.")
