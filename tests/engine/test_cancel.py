"""`handler.cancel()` returns soon, whatever the steps do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from tests.engine.test_handler import Tick, single
from workflows.engine import (
    Context,
    ContextClosed,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowBuilder,
    WorkflowCancelled,
    WorkflowHandler,
    step,
)


class Stubborn:
    """A wait that ignores cancellation, until the test ends it."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.leave = asyncio.Event()
        self.left = asyncio.Event()

    async def stay(self) -> None:
        self.entered.set()
        while not self.leave.is_set():
            with suppress(asyncio.CancelledError):
                await self.leave.wait()
        self.left.set()


@pytest.fixture
async def stubborn() -> AsyncIterator[Stubborn]:
    """End the wait after the test, so that the loop can be closed."""
    found = Stubborn()
    yield found
    found.leave.set()
    await found.left.wait()


async def cancelled(handler: WorkflowHandler) -> None:
    async with asyncio.timeout(20):
        await handler.cancel()
        with pytest.raises(WorkflowCancelled):
            await handler.result()
        assert [event async for event in handler.stream_events()] == []
        await handler.snapshot()
    assert handler.status == "cancelled"


@pytest.mark.parametrize("limit", [None, 60.0], ids=["no timeout", "timeout"])
async def test_a_step_that_swallows_its_cancellation_is_not_waited_for(
    stubborn: Stubborn, limit: float | None
) -> None:
    late: list[type[BaseException]] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        await stubborn.stay()
        try:
            ctx.set("a", 1)
        except ContextClosed as error:
            late.append(type(error))
        return StopEvent()

    handler = await single(begin, timeout=limit, retries=3).run()
    await stubborn.entered.wait()
    await cancelled(handler)
    stubborn.leave.set()
    await stubborn.left.wait()
    await asyncio.sleep(0)
    assert late == [ContextClosed]
    assert (await handler.snapshot()).data["values"] == {}


async def test_an_input_handler_that_ignores_its_cancellation_is_not_waited_for(
    stubborn: Stubborn,
) -> None:
    @step
    async def ask(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="?")

    @step
    async def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent()

    async def handle(request: InputRequestEvent) -> InputResponseEvent | None:
        await stubborn.stay()
        return None

    builder = WorkflowBuilder("asking").step(ask).step(end)
    handler = await builder.input_handler(handle).build().run()
    await stubborn.entered.wait()
    await cancelled(handler)


async def test_a_def_step_that_does_not_end_is_not_waited_for() -> None:
    entered, leave = threading.Event(), threading.Event()

    def begin(event: StartEvent) -> StopEvent:
        entered.set()
        leave.wait(60)
        return StopEvent()

    handler = await single(begin).run()
    await asyncio.to_thread(entered.wait, 20)
    await cancelled(handler)
    leave.set()


async def test_steps_that_cancel_their_own_run_do_not_wait_for_each_other() -> None:
    handlers: list[WorkflowHandler] = []
    both = asyncio.Barrier(2)

    @step
    async def begin(event: StartEvent) -> list[Tick]:
        return [Tick(n=1), Tick(n=2)]

    @step
    async def end(event: Tick) -> StopEvent:
        await both.wait()
        await handlers[0].cancel()
        return StopEvent()

    handlers.append(await Workflow("mutual", [begin, end]).run())
    async with asyncio.timeout(20):
        with pytest.raises(WorkflowCancelled):
            await handlers[0].result()


async def test_cancelling_twice_or_after_the_end_changes_nothing(stubborn: Stubborn) -> None:
    async def begin(event: StartEvent) -> StopEvent:
        await stubborn.stay()
        return StopEvent()

    handler = await single(begin).run()
    await stubborn.entered.wait()
    await cancelled(handler)
    await cancelled(handler)


async def test_a_step_that_runs_on_after_its_timeout_does_not_keep_its_run_open(
    stubborn: Stubborn,
) -> None:
    async def begin(event: StartEvent) -> StopEvent:
        await stubborn.stay()
        return StopEvent()

    handler = await single(begin, timeout=0.01).run()
    async with asyncio.timeout(20):
        with pytest.raises(Exception, match=r"took longer than 0\.01 s"):
            await handler.result()
        await handler.cancel()


async def test_repeated_waits_with_a_timeout_leave_no_futures() -> None:
    leave = asyncio.Event()

    async def begin(event: StartEvent) -> StopEvent:
        await leave.wait()
        return StopEvent(result="done")

    handler = await single(begin).run()

    async def look(waiting: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await waiting

    for _ in range(5):
        await look(handler.result())
        await look(handler.snapshot())
    assert handler._notifier._waiting == []
    leave.set()
    assert await handler.result() == "done"
