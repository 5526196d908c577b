"""`manage.py runworker workflows`: one worker of a site with several processes.

The command of Channels makes its consumer at the first message and ends when Redis is unavailable.
This one looks for runs from the start, even if the channel layer fails.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from channels.layers import get_channel_layer
from channels.management.commands.runworker import Command as ChannelsCommand
from channels.routing import get_default_application
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from workflows.observability import metrics
from workflows.realtime.outbox import WORKER_CHANNEL, MainLoop
from workflows.realtime.wakeup import WakeupListener, missing_redis_warning
from workflows.server.allocator import limit_areas
from workflows.worker import Worker

CANCEL_TIMEOUT = 2.0  # seconds that the remaining tasks have to end after their cancellation


class Command(ChannelsCommand):  # type: ignore[misc]
    """Runs workflows if `workflows` is one of the channels; otherwise the command of Channels."""

    help = (
        "Listen on Channels layers' channels. With the channel `workflows`: drive runs, looking "
        "for them once a second even when no message comes, until SIGTERM or Ctrl-C."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGTERM or SIGINT, then drain and exit 0.

        Raise CommandError if the site refuses to start. The web process gives the same error.
        """
        try:
            get_default_application()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if WORKER_CHANNEL not in options["channels"]:
            super().handle(*args, **options)
            return
        limit_areas()
        listener = WakeupListener(options["channels"], get_channel_layer(options["layer"]))
        if warning := missing_redis_warning(listener):
            self.stderr.write(warning)
        self.serve_metrics()
        self.stdout.write("The worker looks for runs. Ctrl-C stops it.")
        self.stdout.flush()
        if not asyncio.run(work(listener)):
            raise CommandError("The worker failed; see the log above.")
        self.stdout.write("The worker stopped.")

    def serve_metrics(self) -> None:
        """Serve this worker's metrics if METRICS_PORT is set. A worker has no other pages."""
        if not settings.METRICS_PORT:
            return
        try:
            metrics.serve(settings.METRICS_PORT)
        except OSError as error:
            text = f"METRICS_PORT={settings.METRICS_PORT} cannot be listened on: {error.strerror}."
            raise CommandError(text) from None
        self.stdout.write(f"Metrics are at http://127.0.0.1:{settings.METRICS_PORT}/metrics.")


async def work(listener: WakeupListener) -> bool:
    """Run workflows until a signal comes, then drain; return False if the worker failed."""
    loop = asyncio.get_running_loop()
    MainLoop.loop = loop
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    worker = Worker()
    serving = loop.create_task(worker.serve())
    listening = loop.create_task(listener.listen())
    stopping = loop.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if broke := serving.done() and not stop.is_set():
        report(serving)
    else:
        await worker.drain()
    await end([serving, listening, stopping])
    MainLoop.loop = None
    await end_stubborn(code=1 if broke else 0)
    return not broke


def report(task: asyncio.Task[None]) -> None:
    """Log the error that ended the task."""
    asyncio.get_running_loop().call_exception_handler(
        {"message": "The worker ended.", "exception": task.exception(), "task": task}
    )


async def end_stubborn(code: int) -> None:
    """End the process if a step ignores its cancellation: the loop would wait for ever.

    Nothing is lost, because the worker has given back its runs.
    """
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left and (await asyncio.wait(left, timeout=CANCEL_TIMEOUT))[1]:
        sys.stdout.write("The worker stopped before all steps had ended.\n")
        sys.stdout.flush()
        logging.shutdown()
        os._exit(code)


async def end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel the remaining tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
