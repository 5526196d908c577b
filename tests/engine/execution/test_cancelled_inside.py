"""A cancellation that is not the engine's own is a failed attempt, and leaves no run hanging."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest

from tests.engine.loop_polling import until
from tests.engine.test_handler import Tick, single
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

Hurt = Callable[[], Coroutine[Any, Any, object]]


def me() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def cancel_itself_and_wait() -> None:
    me().cancel()
    await asyncio.sleep(60)


async def cancel_itself_twice_and_wait() -> None:
    me().cancel()
    me().cancel()
    await asyncio.sleep(60)


async def be_cancelled_by_a_timer() -> None:
    asyncio.get_running_loop().call_soon(me().cancel)
    await asyncio.sleep(60)


async def be_cancelled_by_a_child() -> None:
    parent = me()

    async def hurt() -> None:
        parent.cancel()

    child = asyncio.create_task(hurt())
    await asyncio.sleep(60)
    await child


async def wait_for_a_cancelled_future() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def wait_for_a_cancelled_task() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    asyncio.get_running_loop().call_soon(task.cancel)
    await task


async def swallow_and_raise_it_again() -> None:
    me().cancel()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        raise


@asynccontextmanager
async def old_timeout(seconds: float) -> AsyncIterator[None]:
    """A timeout as libraries wrote it before Python 3.11. It does not report that it expired."""
    timer = asyncio.get_running_loop().call_later(seconds, me().cancel)
    try:
        yield
    finally:
        timer.cancel()


async def run_into_an_old_timeout() -> None:
    async with old_timeout(0):
        await asyncio.sleep(60)


async def enter_a_timeout_and_never_leave_it() -> None:
    await asyncio.timeout(0).__aenter__()
    await asyncio.sleep(60)


async def enter_a_cancel_scope_and_never_leave_it() -> None:
    scope = anyio.CancelScope()
    scope.__enter__()
    scope.cancel()
    await asyncio.sleep(60)


HURTS: list[Hurt] = [
    cancel_itself_and_wait,
    cancel_itself_twice_and_wait,
    be_cancelled_by_a_timer,
    be_cancelled_by_a_child,
    wait_for_a_cancelled_future,
    wait_for_a_cancelled_task,
    swallow_and_raise_it_again,
    run_into_an_old_timeout,
    enter_a_timeout_and_never_leave_it,
    enter_a_cancel_scope_and_never_leave_it,
]
every_hurt = pytest.mark.parametrize("hurt", HURTS, ids=lambda one: one.__name__)


async def with_time_limit(awaitable: Any) -> Any:
    """Wait for a result, and fail if the run hangs."""
    async with asyncio.timeout(20):
        return await awaitable


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


async def leave_a_scheduled_cancellation() -> None:
    me().cancel()


async def leave_a_timer() -> None:
    asyncio.get_running_loop().call_soon(me().cancel)


async def leave_a_cancellation_count() -> None:
    me().cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)


async def uncancel_before_delivery() -> None:
    me().cancel()
    me().uncancel()


async def leave_a_child_that_cancels() -> None:
    parent = me()

    async def hurt() -> None:
        parent.cancel()

    kept.append(asyncio.create_task(hurt()))


async def leave_a_timer_after_a_pause() -> None:
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0, me().cancel)


kept: list[asyncio.Task[None]] = []
LEFTOVERS: list[Hurt] = [
    leave_a_scheduled_cancellation,
    leave_a_timer,
    leave_a_cancellation_count,
    uncancel_before_delivery,
    leave_a_child_that_cancels,
    leave_a_timer_after_a_pause,
]


@pytest.mark.parametrize("leave", LEFTOVERS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("limit", [None, 60.0], ids=["no timeout", "timeout"])
async def test_tasks_and_timers_of_a_step_do_not_affect_the_next_step(
    leave: Hurt, limit: float | None
) -> None:
    @step(timeout=limit)
    async def begin(event: StartEvent) -> Tick:
        await leave()
        return Tick(n=1)

    @step
    async def go_on(event: Tick) -> StopEvent:
        for _ in range(5):
            await asyncio.sleep(0)
        return StopEvent(result="fine")

    handler = await Workflow("leftovers", [begin, go_on]).run()
    assert await with_time_limit(handler.result()) == "fine"


async def test_a_chain_of_steps_that_leave_nothing_stays_in_one_task() -> None:
    tasks: set[int] = set()

    @step
    async def count(event: StartEvent | Tick) -> Tick | StopEvent:
        tasks.add(id(me()))
        n = event.n if isinstance(event, Tick) else 0
        return StopEvent(result=len(tasks)) if n == 10 else Tick(n=n + 1)

    handler = await Workflow("chain", [count]).run()
    assert await handler.result() == 1


ODD: list[BaseException] = [
    KeyboardInterrupt(),
    GeneratorExit(),
    SystemExit(3),
    StopAsyncIteration(),
    concurrent.futures.CancelledError(),
    BaseExceptionGroup("several", [asyncio.CancelledError(), KeyboardInterrupt()]),
]


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


async def raise_odd() -> None:
    raise KeyboardInterrupt


async def close_itself() -> None:
    raise GeneratorExit


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
