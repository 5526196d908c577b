"""`manage.py runworker workflows`: one of many workers in the scaled-out mode.

Channels' own command makes its consumer at the first message and ends when Redis is away. This
one looks for runs from the start on, whatever becomes of the channel layer.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from typing import Any

from channels.layers import get_channel_layer
from channels.management.commands.runworker import Command as ChannelsCommand
from django.core.management.base import CommandError

from workflows import announce
from workflows.bell import Bell, deafness
from workflows.driver import Driver


class Command(ChannelsCommand):  # type: ignore[misc]
    """Drives runs if `workflows` is among the channels; else what Channels does."""

    help = (
        "Listen on Channels layers' channels. With the channel `workflows`: drive runs, looking "
        "for them once a second even when no message comes, until SIGTERM or Ctrl-C."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until SIGTERM or SIGINT, then drain and exit 0."""
        if announce.WORKERS not in options["channels"]:
            super().handle(*args, **options)
            return
        bell = Bell(options["channels"], get_channel_layer(options["layer"]))
        if warning := deafness(bell):
            self.stderr.write(warning)
        self.stdout.write("The worker looks for runs. Ctrl-C stops it.")
        self.stdout.flush()
        if not asyncio.run(work(bell)):
            raise CommandError("The worker broke; see the log above.")
        self.stdout.write("The worker stopped.")


async def work(bell: Bell) -> bool:
    """Drive runs until a signal comes, then drain; return False if the driver ended by itself."""
    loop = asyncio.get_running_loop()
    announce.Home.loop = loop
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    driver = Driver()
    driving = loop.create_task(driver.serve())
    listening = loop.create_task(bell.listen())
    stopping = loop.create_task(stop.wait())
    await asyncio.wait({driving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if broke := driving.done() and not stop.is_set():
        report(driving)
    else:
        await driver.drain()
    await end([driving, listening, stopping])
    announce.Home.loop = None
    return not broke


def report(task: asyncio.Task[None]) -> None:
    """Hand the error that ended the task to the loop's log."""
    asyncio.get_running_loop().call_exception_handler(
        {"message": "The driver ended.", "exception": task.exception(), "task": task}
    )


async def end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait until it is gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
