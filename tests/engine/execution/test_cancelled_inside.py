"""A cancellation that does not come from the engine is a failed attempt, and no run hangs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.engine.execution.cancellation import (
    HURTS,
    ODD,
    Hurt,
    cancel_itself_and_wait,
    close_itself,
    raise_odd,
    with_time_limit,
)
from tests.engine.loop_polling import until
from tests.engine.test_handler import single
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StepFailed,
    StopEvent,
    Workflow,
    WorkflowBuilder,
    step,
)

every_hurt = pytest.mark.parametrize("hurt", HURTS, ids=lambda one: one.__name__)


@every_hurt
@pytest.mark.parametrize("limit", [None, 60.0], ids=["no timeout", "timeout"])
async def test_a_step_that_is_cancelled_from_inside_is_retried_and_then_fails_the_run(
    hurt: Hurt, limit: float | None
) -> None:
    attempts: list[int] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        await hurt()
        return StopEvent()

    handler = await single(begin, retries=1, timeout=limit).run()
    with pytest.raises(StepFailed, match="'begin' failed: CancelledError: It was cancelled from i"):
        await with_time_limit(handler.result())
    assert attempts == [1, 2]


@every_hurt
async def test_a_step_that_succeeds_at_the_second_attempt_completes(hurt: Hurt) -> None:
    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        if ctx.attempt == 1:
            await hurt()
        await asyncio.sleep(0)
        return StopEvent(result=ctx.attempt)

    handler = await single(begin, retries=1).run()
    assert await with_time_limit(handler.result()) == 2


@pytest.mark.parametrize("error", ODD, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("limit", [None, 60.0], ids=["no timeout", "timeout"])
@pytest.mark.parametrize("sync", [False, True], ids=["async", "def"])
async def test_an_exception_that_usually_ends_a_process_is_a_failed_attempt(
    error: BaseException, limit: float | None, sync: bool
) -> None:
    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        if ctx.attempt == 1:
            raise error
        return StopEvent(result=ctx.attempt)

    def begin_in_thread(event: StartEvent, ctx: Context) -> StopEvent:
        if ctx.attempt == 1:
            raise error
        return StopEvent(result=ctx.attempt)

    function = begin_in_thread if sync else begin
    handler = await single(function, retries=1, timeout=limit).run()
    assert await with_time_limit(handler.result()) == 2


async def test_an_update_that_raises_anything_at_the_commit_fails_its_attempt() -> None:
    def hurt(value: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:  # the commit makes the second call
            raise SystemExit(3)
        return 1

    calls: list[int] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.update("n", hurt)
        return StopEvent(result=ctx.attempt)

    handler = await single(begin, retries=1).run()
    assert await with_time_limit(handler.result()) == 2


async def test_an_awaitable_that_a_def_step_returns_may_be_cancelled_from_inside() -> None:
    def begin(event: StartEvent, ctx: Context) -> Any:
        return cancel_itself_and_wait()

    handler = await single(begin, timeout=60.0).run()
    with pytest.raises(StepFailed, match="CancelledError"):
        await with_time_limit(handler.result())


# Input handlers


@step
async def ask(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="?", request_id="r")


@step
async def end(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result=event.approved)


def asking(handler: Any) -> Workflow:
    builder = WorkflowBuilder("asking").step(ask).step(end)
    return builder.input_handler(handler).build()


@pytest.mark.parametrize("hurt", [*HURTS, raise_odd, close_itself], ids=lambda one: one.__name__)
async def test_a_handler_that_is_cancelled_from_inside_leaves_the_request_to_people(
    hurt: Hurt,
) -> None:
    async def handle(request: InputRequestEvent) -> InputResponseEvent | None:
        await hurt()
        return None

    handler = await asking(handle).run()
    await until(lambda: not handler._machine.awaiting_handler() and handler.pending_requests)
    assert handler.status == "waiting"
    answer = InputResponseEvent(request_id="r", response={"approved": True})
    await handler.send_input(answer)
    assert await with_time_limit(handler.result()) is True


# Cancellations by the engine


async def test_cancelling_the_run_is_not_a_failed_attempt() -> None:
    entered = asyncio.Event()
    attempts: list[int] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        entered.set()
        await asyncio.sleep(60)
        return StopEvent()

    handler = await single(begin, retries=5).run()
    await entered.wait()
    await handler.cancel()
    assert (handler.status, attempts) == ("cancelled", [1])


def test_a_loop_that_is_shut_down_does_not_try_its_steps_again() -> None:
    attempts: list[int] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        await asyncio.sleep(60)
        return StopEvent()

    async def main() -> None:
        await single(begin, retries=5).run()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert attempts == [1]
