"""Steps that crash their worker, wait for a file, or depend on the clock."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)


class Part(Event):
    number: int


def work_for(seconds: float) -> None:
    """Wait. `time.sleep` does not work with the library that changes clocks."""
    threading.Event().wait(seconds)


@step
def die(event: StartEvent) -> StopEvent:
    """End the process, as a segmentation fault or the kernel's out-of-memory killer does."""
    os._exit(1)


@step
def leave(event: StartEvent) -> StopEvent:
    sys.exit("nobody stops a worker like this")


@step(timeout=0.1)
async def swallow(event: StartEvent) -> StopEvent:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.02)


@step
async def split(event: StartEvent) -> list[Part]:
    return [Part(number=number) for number in range(3)]


@step
def work(event: Part, ctx: Context) -> StopEvent | None:
    work_for(0.02)
    ctx.update("worked", lambda n: (n or 0) + 1)
    found = ctx.collect_events(event, [Part, Part, Part])
    return StopEvent(result=[part.number for part in found]) if found else None


@step
def hold(event: StartEvent, ctx: Context) -> InputRequestEvent:
    """Write the id of the process to a file, and wait until the file `go` exists."""
    folder = Path(settings.DATA_DIR)
    with (folder / "held").open("a") as file:
        file.write(f"{ctx.run_id} {os.getpid()}\n")
    while not (folder / "go").exists():
        work_for(0.02)
    return InputRequestEvent(prompt=f"Held by {os.getpid()}?")


@step
async def finish(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result=event.approved)


@step(retries=1, retry_delay=2.0)
async def stumble(event: StartEvent, ctx: Context) -> StopEvent:
    if ctx.attempt == 1:
        raise ValueError("not yet")
    return StopEvent(result=ctx.attempt)


@step
async def ask_briefly(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="Quick?", due_in=timedelta(seconds=1))


@step
async def ask_for_half_an_hour(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="Take your time?", due_in=timedelta(minutes=30))


registry.register(Workflow("die", steps=[die]))
registry.register(Workflow("leave", steps=[leave]))
registry.register(Workflow("swallow", steps=[swallow]))
registry.register(Workflow("work", steps=[split, work]))
registry.register(Workflow("hold", steps=[hold, finish]))
registry.register(Workflow("stumble", steps=[stumble]))
registry.register(Workflow("briefly", steps=[ask_briefly, finish]))
registry.register(Workflow("half-hour", steps=[ask_for_half_an_hour, finish]))
