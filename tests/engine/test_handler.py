"""A run in memory: its methods work at any time, no event is lost, and nothing runs on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engine.loop_polling import until
from workflows.engine import (
    AlreadyAnswered,
    Context,
    ContextClosed,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    InvalidReply,
    RequestClosed,
    StartEvent,
    StepFailed,
    StopEvent,
    UnknownRequest,
    Workflow,
    WorkflowCancelled,
    WorkflowHandler,
    WorkflowStalled,
    step,
)


class Tick(Event):
    n: int = 0


class Gate:
    """A wait in a step, until the test ends it."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.leave = asyncio.Event()
        self.cancelled = False

    async def wait(self) -> None:
        self.entered.set()
        try:
            await self.leave.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


def reply(request: InputRequestEvent, response: Any = "yes") -> InputResponseEvent:
    return InputResponseEvent(request_id=request.request_id, response=response)


@step
async def ask(event: StartEvent, ctx: Context) -> list[InputRequestEvent | Tick]:
    return [InputRequestEvent(prompt="?"), Tick(n=1)]


@step
async def tick(event: Tick, ctx: Context) -> None:
    ctx.write_event_to_stream(event)
    if "gate" in ctx.session:
        await ctx.session["gate"].wait()
    ctx.set("ticked", True)


@step
async def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
    return StopEvent(result=[event.text, ctx.get("ticked")])


workflow = Workflow("handled", [ask, tick, end])


async def started() -> tuple[WorkflowHandler, Gate]:
    handler = await workflow.run()
    gate = handler.session["gate"] = Gate()
    await gate.entered.wait()
    return handler, gate


def single(function: Any, **rules: Any) -> Workflow:
    return Workflow("single", [step(**rules)(function)])


async def test_run_waits_for_its_answer_and_ends_with_the_result() -> None:
    handler = await workflow.run({"any": "input"})
    await handler.snapshot()
    assert handler.status == "waiting"
    [request] = handler.pending_requests
    await handler.send_input(reply(request))
    assert await handler.result() == ["yes", True]
    assert (handler.status, handler.pending_requests) == ("completed", [])


async def test_a_branch_without_a_request_continues_meanwhile() -> None:
    handler, gate = await started()
    assert handler.status == "running"
    assert len(handler.pending_requests) == 1
    gate.leave.set()
    await handler.snapshot()
    assert handler.status == "waiting"


async def test_several_may_wait_for_the_result() -> None:
    handler = await workflow.run()
    waiters = [asyncio.create_task(handler.result()) for _ in range(3)]
    await handler.snapshot()
    await handler.send_input(reply(handler.pending_requests[0]))
    assert await asyncio.gather(*waiters) == [["yes", True]] * 3


async def test_several_wait_for_an_error_and_each_gets_it() -> None:
    async def begin(event: StartEvent) -> StopEvent:
        raise ValueError("bad")

    handler = await single(begin).run()
    waiters = [asyncio.create_task(handler.result()) for _ in range(2)]
    for reported in await asyncio.gather(*waiters, return_exceptions=True):
        assert isinstance(reported, StepFailed)
        assert "'begin' failed: ValueError: bad" in str(reported)
        assert isinstance(reported.__cause__, ValueError)


async def test_engine_errors_are_raised_unchanged_and_without_a_circular_cause() -> None:
    async def begin(event: StartEvent) -> StopEvent | None:
        return None

    handler = await single(begin).run()
    for _ in range(2):
        with pytest.raises(WorkflowStalled, match="'single'") as caught:
            await handler.result()
        assert caught.value.__cause__ is not caught.value


async def test_refused_answers_leave_the_request_as_it_was() -> None:
    handler = await workflow.run()
    await handler.snapshot()
    [request] = handler.pending_requests
    with pytest.raises(InvalidReply):
        await handler.send_input(reply(request, {"approved": "maybe"}))
    with pytest.raises(UnknownRequest, match="'nope'"):
        await handler.send_input(InputResponseEvent(request_id="nope", response="x"))
    assert handler.pending_requests == [request]
    await handler.send_input(reply(request))
    with pytest.raises(AlreadyAnswered):
        await handler.send_input(reply(request, "again"))
    assert (await handler.result())[0] == "yes"


async def test_answer_after_the_end_is_refused() -> None:
    handler = await workflow.run()
    await handler.snapshot()
    [request] = handler.pending_requests
    await handler.cancel()
    with pytest.raises(RequestClosed, match="cancelled"):
        await handler.send_input(reply(request))


# Pause


async def test_pause_lets_running_steps_finish_and_keeps_answers() -> None:
    handler, gate = await started()
    await handler.pause()
    await handler.send_input(reply(handler.pending_requests[0], "kept"))
    assert handler.status == "paused"
    gate.leave.set()
    snapshot = await handler.snapshot()
    assert snapshot.status == "paused"
    assert snapshot.data["values"] == {"ticked": True}
    await handler.resume_in_place()
    assert await handler.result() == ["kept", True]


async def test_methods_have_no_effect_where_nothing_is_to_do() -> None:
    handler = await workflow.run()
    await handler.resume_in_place()
    await handler.pause()
    await handler.pause()
    await handler.cancel()
    await handler.cancel()
    await handler.pause()
    await handler.resume_in_place()
    assert handler.status == "cancelled"
    assert (await handler.snapshot()).status == "cancelled"


# Cancel


async def test_cancel_before_the_first_step_runs_nothing() -> None:
    handler = await workflow.run()
    await handler.cancel()
    with pytest.raises(WorkflowCancelled, match="'handled'"):
        await handler.result()
    assert [event async for event in handler.stream_events()] == []


async def test_cancel_stops_running_steps_and_waits_until_they_have() -> None:
    handler, gate = await started()
    await handler.cancel()
    assert gate.cancelled
    assert handler.pending_requests == []


async def test_cancel_from_within_a_step_ends_the_run_and_closes_the_context() -> None:
    reported: list[str] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        await ctx.session["handler"].cancel()
        try:
            ctx.set("a", 1)
        except ContextClosed as error:
            reported.append(str(error))
        return StopEvent(result="too late")

    handler = await single(begin).run()
    handler.session["handler"] = handler
    with pytest.raises(WorkflowCancelled):
        await handler.result()
    await until(lambda: reported)
    assert "'begin'" in reported[0]


async def test_the_first_stop_cancels_running_steps_once_and_lets_them_clean_up() -> None:
    class Slow(Event):
        pass

    cleaned = asyncio.Event()
    gate = Gate()

    async def begin(event: StartEvent, ctx: Context) -> list[Slow | Tick]:
        return [Slow(), Tick()]

    async def slow(event: Slow) -> None:
        try:
            await gate.wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            cleaned.set()

    async def stop(event: Tick) -> StopEvent:
        await gate.entered.wait()
        return StopEvent(result="first")

    handler = await Workflow("race", [step(begin), step(slow), step(stop)]).run()
    assert await handler.result() == "first"
    await until(lambda: gate.cancelled)
    handler._pump()  # a thread that ends late calls this
    await until(cleaned.is_set)


# Stream


async def collect(stream: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in stream]


async def test_early_and_late_consumers_get_all_events_of_the_stream() -> None:
    handler = await workflow.run()
    early = [asyncio.create_task(collect(handler.stream_events())) for _ in range(2)]
    await handler.snapshot()
    late = asyncio.create_task(collect(handler.stream_events()))
    await handler.send_input(reply(handler.pending_requests[0]))
    await handler.result()
    after = await collect(handler.stream_events())
    for reported in [*(await asyncio.gather(*early, late)), after]:
        assert reported == [Tick(n=1)]


async def test_stream_is_immediate() -> None:
    handler, gate = await started()
    async for event in handler.stream_events():
        assert event == Tick(n=1)
        assert handler.status == "running"
        gate.leave.set()
        break


async def test_stream_of_a_failed_run_ends() -> None:
    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.write_event_to_stream(Tick(n=ctx.attempt))
        raise ValueError

    handler = await single(begin, retries=1).run()
    assert await collect(handler.stream_events()) == [Tick(n=1), Tick(n=2)]
