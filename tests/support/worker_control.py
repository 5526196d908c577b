"""Workers on the event loop of a test, their leases, and a step that waits for the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from django.db import connections

from tests.support import flows
from workflows.engine import (
    Context,
    InputRequestEvent,
    StartEvent,
    Workflow,
    step,
)
from workflows.models import WorkflowRun, database_now
from workflows.realtime.outbox import MainLoop
from workflows.worker import Worker
from workflows.worker.loading import loader

T = TypeVar("T")
Drive = Callable[[], None]
Register = Callable[[Workflow], Workflow]
LEASE = timedelta(seconds=5)


def start(workflow: Workflow = flows.ASK) -> WorkflowRun:
    """Start a run of a workflow without input."""
    return WorkflowRun.objects.start(workflow, {})


def fresh(run: WorkflowRun) -> WorkflowRun:
    """Return the run as its row is now."""
    return WorkflowRun.objects.get(pk=run.pk)


def lease(owner: str, *, poison: bool = False) -> list[loader.LeasedRun]:
    """Lease and load all runs that can be leased, as the worker of this name."""
    return loader.lease_and_load(owner, limit=10, duration=LEASE, holding=(), poison=poison)[1]


def begin(leased: list[loader.LeasedRun]) -> None:
    """Record that steps of these runs begin, as a worker does."""
    WorkflowRun.objects.mark_started([one.row for one in leased])


def lapse(run: WorkflowRun) -> None:
    """Make the lease of `run` expire, as if its worker had crashed long ago."""
    WorkflowRun.objects.filter(pk=run.pk).update(wake_at=database_now() - timedelta(seconds=1))


async def rows(function: Callable[[], T]) -> T:
    """Use the ORM in a thread of its own."""

    def call() -> T:
        try:
            return function()
        finally:
            connections.close_all()

    return await asyncio.to_thread(call)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition on the rows is true."""
    async with asyncio.timeout(20):
        while not await rows(condition):  # noqa: ASYNC110  rows change without an event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[None]:
    """Run a worker until the block ends."""
    task = asyncio.create_task(worker.serve())
    try:
        yield
    finally:
        await worker.drain()
        await task


@asynccontextmanager
async def at_work_here(worker: Worker) -> AsyncIterator[None]:
    """A worker that serves on the main loop, as beside pages, and has leased what was ready."""
    MainLoop.loop = asyncio.get_running_loop()
    try:
        async with at_work(worker):
            await until(lambda: not worker.handover.is_behind)
            yield
    finally:
        MainLoop.loop = None


def run_async(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on a new event loop."""
    asyncio.run(scenario)
    connections.close_all()


class Gate:
    """A step that waits until the test ends the wait."""

    def __init__(self, *, threaded: bool = False) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        gate = self

        @step(name="hold")
        def hold(event: StartEvent, ctx: Context) -> InputRequestEvent:
            gate.entered.set()
            gate.open.wait(20)
            return InputRequestEvent(prompt="After the gate?")

        self.workflow = Workflow("t-gate", steps=[hold, flows.finish])
