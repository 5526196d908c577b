"""`def` steps run in threads: what they can do, and what happens after a timeout."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from typing import Any

import pytest

from tests.engine.loop_polling import until
from workflows.engine import (
    Context,
    ContextClosed,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StepTimeout,
    StopEvent,
    Workflow,
    WorkflowCancelled,
    step,
)
from workflows.engine.execution.thread_pool import DaemonThreadPool

LONG = 30.0  # seconds; a test that waits so long fails


class Item(Event):
    n: int


async def passed(event: threading.Event) -> None:
    """Wait for a thread without blocking the loop."""
    assert await asyncio.to_thread(event.wait, LONG)


async def test_def_step_runs_in_a_thread_and_can_do_what_async_steps_can() -> None:
    threads: set[int] = set()

    @step
    def begin(event: StartEvent, ctx: Context) -> list[Item]:
        threads.add(threading.get_ident())
        ctx.set("base", 10)
        ctx.progress(0.1, "begun")
        return [Item(n=1), Item(n=2)]

    @step
    def join(event: Item, ctx: Context) -> StopEvent | None:
        threads.add(threading.get_ident())
        ctx.write_event_to_stream(event)
        ctx.update("sum", lambda total: (total or 0) + event.n)
        found = ctx.collect_events(event, [Item, Item])
        return None if found is None else StopEvent(result=[ctx.get("base"), len(found)])

    handler = await Workflow("plain", [begin, join]).run()
    assert await handler.result() == [10, 2]
    streamed = [event.n async for event in handler.stream_events() if isinstance(event, Item)]
    assert sorted(streamed) == [1, 2]
    assert threading.get_ident() not in threads


async def test_steps_in_threads_run_side_by_side() -> None:
    meet = threading.Barrier(3, timeout=LONG)

    @step
    def begin(event: StartEvent) -> list[Item]:
        return [Item(n=n) for n in range(3)]

    @step
    def work(event: Item, ctx: Context) -> StopEvent | None:
        meet.wait()
        found = ctx.collect_events(event, [Item] * 3)
        return StopEvent(result="met") if found else None

    assert await (await Workflow("meet", [begin, work]).run()).result() == "met"


async def test_late_thread_keeps_its_slot_until_it_ends_and_its_result_is_dropped() -> None:
    first, leave = threading.Event(), threading.Event()
    running: list[int] = []
    most: list[int] = []
    reported: list[Exception] = []
    closed = threading.Event()

    @step(timeout=0.02, retries=1, max_concurrency=1)
    def slow(event: StartEvent, ctx: Context) -> StopEvent:
        running.append(ctx.attempt)
        most.append(len(running))
        attempt = ctx.attempt
        if attempt == 1:
            first.set()
            leave.wait(LONG)
            try:
                ctx.set("a", "late")
            except ContextClosed as error:
                reported.append(error)
            closed.set()
        running.pop()
        return StopEvent(result=attempt)

    handler = await Workflow("late", [slow]).run()
    await passed(first)
    await until(lambda: handler._machine.state.seq == 2)
    assert handler.status == "running"
    assert handler._machine.limiter.in_use["slow"] == 1
    assert not handler._machine.in_flight
    assert (await handler.snapshot(wait=False)).data["invocations"][0]["failures"] == 1
    assert most == [1]
    leave.set()
    await passed(closed)
    assert await handler.result() == 2
    assert most == [1, 1]
    assert handler._machine.limiter.in_use["slow"] == 0
    assert "'slow'" in str(reported[0])
    assert (await handler.snapshot()).data["values"] == {}


async def test_timeout_of_a_thread_fails_the_run_at_once_by_name() -> None:
    leave = threading.Event()

    @step(timeout=0.01)
    def stuck(event: StartEvent) -> StopEvent:
        leave.wait(LONG)
        return StopEvent()

    handler = await Workflow("stuck", [stuck]).run()
    with pytest.raises(StepTimeout, match="'stuck'"):
        await handler.result()
    leave.set()


async def test_run_that_ends_does_not_wait_for_its_threads() -> None:
    entered, leave, done = threading.Event(), threading.Event(), threading.Event()
    reported: list[Exception] = []

    @step
    def stuck(event: StartEvent, ctx: Context) -> StopEvent:
        entered.set()
        leave.wait(LONG)
        try:
            ctx.collect_events(event, [StartEvent])
        except ContextClosed as error:
            reported.append(error)
        done.set()
        return StopEvent(result="late")

    handler = await Workflow("ended", [stuck]).run()
    await passed(entered)
    await handler.cancel()
    assert not leave.is_set()
    leave.set()
    await passed(done)
    with pytest.raises(WorkflowCancelled):
        await handler.result()
    assert len(reported) == 1
    assert handler._machine.state.buffers == {}


async def test_cancel_may_be_called_from_a_thread_of_the_run() -> None:
    loop = asyncio.get_running_loop()

    @step
    def begin(event: StartEvent, ctx: Context) -> StopEvent:
        asyncio.run_coroutine_threadsafe(ctx.session["handler"].cancel(), loop).result(LONG)
        return StopEvent()

    handler = await Workflow("own", [begin]).run()
    handler.session["handler"] = handler
    with pytest.raises(WorkflowCancelled):
        await handler.result()


async def test_reply_and_request_reach_a_thread() -> None:
    @step
    def ask(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="?")

    @step
    def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
        assert ctx.request is not None
        return StopEvent(result=[ctx.request.prompt, event.text])

    handler = await Workflow("asks", [ask, end]).run()
    await handler.snapshot()
    [request] = handler.pending_requests
    await handler.send_input(InputResponseEvent(request_id=request.request_id, response="a"))
    assert await handler.result() == ["?", "a"]


async def test_decorated_coroutine_function_is_awaited() -> None:
    async def begin(event: StartEvent) -> StopEvent:
        await asyncio.sleep(0)
        return StopEvent(result="awaited")

    @functools.wraps(begin)
    def wrapped(event: StartEvent) -> Any:
        return begin(event)

    assert await (await Workflow("wrapped", [step(wrapped)]).run()).result() == "awaited"


async def test_threads_see_the_callers_context_variables() -> None:
    mark = contextvars.ContextVar("mark", default="none")
    mark.set("callers")

    @step
    def begin(event: StartEvent) -> StopEvent:
        return StopEvent(result=mark.get())

    assert await (await Workflow("marked", [begin]).run()).result() == "callers"


def test_pool_reuses_idle_threads_and_survives_any_error() -> None:
    pool = DaemonThreadPool()
    first = pool.submit(threading.get_ident).result(LONG)
    assert pool.submit(threading.get_ident).result(LONG) == first
    for error in (SystemExit(1), KeyboardInterrupt(), StopIteration()):

        def fail(error: BaseException = error) -> None:
            raise error

        assert pool.submit(fail).exception(LONG) is error
    assert pool.submit(threading.get_ident).result(LONG) == first


def test_stuck_threads_do_not_block_other_calls() -> None:
    pool = DaemonThreadPool()
    leave = threading.Event()
    stuck = [pool.submit(leave.wait) for _ in range(20)]
    assert pool.submit(lambda: "through").result(LONG) == "through"
    assert not stuck[0].cancel()
    leave.set()
    assert all(one.result(LONG) for one in stuck)


def test_a_loop_can_close_while_late_threads_run() -> None:
    leave, done = threading.Event(), threading.Event()

    @step(timeout=0.01)
    def stuck(event: StartEvent) -> StopEvent:
        leave.wait(LONG)
        done.set()
        return StopEvent()

    async def main() -> None:
        with pytest.raises(StepTimeout):
            await (await Workflow("closing", [stuck]).run()).result()

    asyncio.run(main())
    leave.set()
    assert done.wait(LONG)
