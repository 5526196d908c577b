"""Attempts: errors of every kind, timeouts, and limits of how many steps run at once."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import timedelta

import pytest

from tests.engine.test_handler import Gate, Tick, end, single, workflow
from workflows.engine import (
    Context,
    ContextClosed,
    InputRequestEvent,
    RequestExpired,
    StartEvent,
    StepFailed,
    StepTimeout,
    StopEvent,
    Workflow,
    step,
)


class Odd(BaseException):
    pass


@pytest.mark.parametrize(
    "error",
    [asyncio.CancelledError("own"), SystemExit(3), Odd("x"), TimeoutError("own"), StopIteration()],
    ids=lambda one: type(one).__name__,
)
@pytest.mark.parametrize("sync", [False, True])
async def test_whatever_a_step_raises_is_retried_and_then_fails_the_run(
    error: BaseException, sync: bool
) -> None:
    attempts: list[int] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        raise error

    def begin_sync(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        raise error

    function = begin_sync if sync else begin
    handler = await single(function, retries=1, timeout=60.0).run()
    with pytest.raises(StepFailed, match="'begin"):
        await handler.result()
    assert attempts == [1, 2]


async def test_step_that_takes_too_long_is_cancelled_and_named() -> None:
    gate = Gate()

    async def begin(event: StartEvent) -> StopEvent:
        await gate.wait()
        return StopEvent()

    handler = await single(begin, timeout=0.01).run()
    with pytest.raises(StepTimeout, match=r"'single'.*'begin'.*0\.01"):
        await handler.result()
    assert gate.cancelled


async def test_step_that_ignores_its_timeout_fails_with_a_timeout() -> None:
    gate = Gate()

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        try:
            await gate.wait()
        except asyncio.CancelledError:
            if ctx.attempt == 2:
                raise ValueError("while cleaning up") from None
        return StopEvent(result="too late")

    handler = await single(begin, timeout=0.01, retries=1).run()
    with pytest.raises(StepTimeout):
        await handler.result()


async def test_a_task_that_runs_longer_than_its_step_has_a_closed_context() -> None:
    reported: list[Exception] = []
    tasks: list[asyncio.Task[None]] = []
    gate = Gate()

    async def later(ctx: Context) -> None:
        await gate.wait()
        try:
            ctx.set("a", 1)
        except ContextClosed as error:
            reported.append(error)

    async def begin(event: StartEvent, ctx: Context) -> InputRequestEvent:
        tasks.append(asyncio.create_task(later(ctx)))
        return InputRequestEvent(prompt="?")

    handler = await Workflow("outlived", [step(begin), end]).run()
    await handler.snapshot()
    gate.leave.set()
    await tasks[0]
    assert len(reported) == 1
    assert (await handler.snapshot()).data["values"] == {}


mark = contextvars.ContextVar("mark", default="clean")


async def test_no_attempt_sees_the_context_variables_that_another_attempt_set() -> None:
    seen: list[str] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        seen.append(mark.get())
        mark.set("dirty")
        if ctx.attempt < 3:
            raise ValueError
        return StopEvent()

    mark.set("callers")
    await (await single(begin, retries=2).run()).result()
    assert seen == ["callers"] * 3


async def test_retry_begins_after_its_delay_without_another_call() -> None:
    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        if ctx.attempt == 1:
            raise ValueError
        return StopEvent(result=ctx.attempt)

    handler = await single(begin, retries=1, retry_delay=0.01).run()
    assert await handler.result() == 2


async def test_no_more_steps_run_at_once_than_allowed_and_cancel_ends_them() -> None:
    running, most = 0, 0
    gates = [Gate() for _ in range(6)]

    async def begin(event: StartEvent) -> list[Tick]:
        return [Tick(n=n) for n in range(6)]

    async def work(event: Tick, ctx: Context) -> StopEvent | None:
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        try:
            await gates[event.n].wait()
        finally:
            running -= 1
        found = ctx.collect_events(event, [Tick] * 6)
        return StopEvent(result=len(found)) if found else None

    limited = Workflow("limited", [step(begin), step(max_concurrency=2)(work)])
    handler = await limited.run()
    for gate in gates:
        await gate.entered.wait()
        gate.leave.set()
    assert await handler.result() == 6
    assert most == 2
    for gate in gates:
        gate.entered.clear()
        gate.leave.clear()
    handler = await limited.run()
    await gates[1].entered.wait()
    await handler.cancel()
    assert running == 0
    assert not gates[2].entered.is_set()


async def test_request_that_nobody_answers_in_time_fails_the_run() -> None:
    async def begin(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="?", request_id="r", due_in=timedelta(milliseconds=5))

    handler = await Workflow("urgent", [step(begin), end]).run()
    with pytest.raises(RequestExpired, match="'r'"):
        await handler.result()


async def test_unstorable_input_is_refused_by_run() -> None:
    from workflows.engine import InvalidInput

    with pytest.raises(InvalidInput, match="'handled'"):
        await workflow.run({"text": "a\x00"})


async def test_progress_keeps_the_last_report() -> None:
    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.progress(0.5, "half")
        ctx.progress(2, "all")
        return StopEvent()

    handler = await single(begin).run()
    await handler.result()
    assert handler.fraction == (1.0, "all")
