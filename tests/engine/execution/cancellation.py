"""Ways in which a step cancels itself or leaves cancellations behind, and a time limit."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio

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


async def with_time_limit(awaitable: Any) -> Any:
    """Wait for a result, and fail if the run hangs."""
    async with asyncio.timeout(20):
        return await awaitable


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


ODD: list[BaseException] = [
    KeyboardInterrupt(),
    GeneratorExit(),
    SystemExit(3),
    StopAsyncIteration(),
    concurrent.futures.CancelledError(),
    BaseExceptionGroup("several", [asyncio.CancelledError(), KeyboardInterrupt()]),
]


async def raise_odd() -> None:
    raise KeyboardInterrupt


async def close_itself() -> None:
    raise GeneratorExit
