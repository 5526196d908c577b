"""The input handler may answer before people do, and never prevents their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.loop_polling import until
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowBuilder,
    WorkflowHandler,
    WorkflowSnapshot,
    WrongRequestId,
    step,
)

Register = Callable[[Workflow], Workflow]


@step
async def ask(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="?", request_id="r", allow={"approve", "reject"})


@step
async def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
    return StopEvent(result=[event.approved, ctx.answered_by])


class CountingHandler:
    """An input handler that answers with the given function, and keeps the requests that it got."""

    def __init__(self, answer: Callable[[InputRequestEvent], Any]) -> None:
        self.answer = answer
        self.asked: list[InputRequestEvent] = []
        self.entered = asyncio.Event()
        self.leave = asyncio.Event()
        self.leave.set()

    async def __call__(self, request: InputRequestEvent) -> InputResponseEvent | None:
        self.asked.append(request)
        self.entered.set()
        await self.leave.wait()
        found: InputResponseEvent | None = self.answer(request)
        return found


def approve(request: InputRequestEvent) -> InputResponseEvent:
    return InputResponseEvent(request_id=request.request_id, response={"approved": True})


def build(input_handler: CountingHandler) -> Workflow:
    return Workflow("counting", [ask, end], input_handler=input_handler)


async def by_hand(handler: WorkflowHandler) -> Any:
    [request] = handler.pending_requests
    await handler.send_input(
        InputResponseEvent(request_id=request.request_id, response={"approved": False})
    )
    return await handler.result()


async def settled(handler: WorkflowHandler) -> None:
    """Wait until the tasks of the input handler have ended."""
    await until(lambda: not handler._tasks)


async def test_its_answer_is_routed_like_that_of_a_person_and_names_nobody() -> None:
    input_handler = CountingHandler(approve)
    built = WorkflowBuilder("counting").step(ask).step(end).input_handler(input_handler).build()
    handler = await built.run()
    assert await handler.result() == [True, ""]
    assert [request.prompt for request in input_handler.asked] == ["?"]


async def test_after_none_a_person_answers_and_the_handler_is_not_asked_again(
    register: Register,
) -> None:
    input_handler = CountingHandler(lambda request: None)
    handler = await register(build(input_handler)).run()
    await handler.snapshot()
    await settled(handler)
    snapshot = WorkflowSnapshot.from_json((await handler.snapshot()).to_json())
    again = await Workflow.resume(snapshot)
    await again.pause()
    await again.resume_in_place()
    await settled(again)
    assert len(input_handler.asked) == 1
    assert await by_hand(again) == [False, ""]


async def test_the_handler_is_asked_again_after_a_resume_if_it_had_not_decided(
    register: Register,
) -> None:
    input_handler = CountingHandler(approve)
    input_handler.leave.clear()
    handler = await register(build(input_handler)).run()
    await input_handler.entered.wait()
    snapshot = await handler.snapshot()
    await handler.cancel()
    input_handler.leave.set()
    again = await Workflow.resume(snapshot)
    assert await again.result() == [True, ""]
    assert len(input_handler.asked) == 2


async def test_a_wrong_request_id_fails_the_run_and_the_error_names_it() -> None:
    input_handler = CountingHandler(
        lambda request: InputResponseEvent(request_id="other", response="x")
    )
    handler = await build(input_handler).run()
    with pytest.raises(WrongRequestId, match=r"'counting'.*'r'.*'other'"):
        await handler.result()


def fail(request: InputRequestEvent) -> None:
    raise ValueError("the model is away")


def cancel(request: InputRequestEvent) -> None:
    raise asyncio.CancelledError


def leave(request: InputRequestEvent) -> None:
    raise SystemExit(1)


def invalid(request: InputRequestEvent) -> InputResponseEvent:
    return InputResponseEvent(request_id=request.request_id, response="a text is not allowed")


def nonsense(request: InputRequestEvent) -> str:
    return "nonsense"


@pytest.mark.parametrize("answer", [fail, cancel, leave, invalid, nonsense])
async def test_after_any_error_of_the_handler_a_person_can_answer(
    answer: Callable[[InputRequestEvent], Any], caplog: pytest.LogCaptureFixture
) -> None:
    input_handler = CountingHandler(answer)
    handler = await build(input_handler).run()
    await handler.snapshot()
    await settled(handler)
    assert "the input handler failed" in caplog.text
    assert await by_hand(handler) == [False, ""]
    assert len(input_handler.asked) == 1


async def test_an_answer_before_that_of_the_handler_is_used_without_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    input_handler = CountingHandler(approve)
    input_handler.leave.clear()
    gate = asyncio.Event()

    @step
    async def slow_end(event: InputResponseEvent) -> StopEvent:
        await gate.wait()
        return StopEvent(result=event.approved)

    handler = await Workflow("counting", [ask, slow_end], input_handler=input_handler).run()
    await input_handler.entered.wait()
    result = asyncio.create_task(by_hand(handler))
    await until(lambda: not handler.pending_requests)
    input_handler.leave.set()
    await until(lambda: len(handler._tasks) == 1)
    gate.set()
    assert await result is False
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_paused_run_does_not_ask_the_handler() -> None:
    input_handler = CountingHandler(approve)
    handler = await build(input_handler).run()
    await handler.pause()
    await handler.resume_in_place()
    assert await handler.result() == [True, ""]

    gate = asyncio.Event()

    @step
    async def slow_ask(event: StartEvent) -> InputRequestEvent:
        await gate.wait()
        return InputRequestEvent(prompt="?")

    input_handler = CountingHandler(approve)
    handler = await Workflow("counting", [slow_ask, end], input_handler=input_handler).run()
    await asyncio.sleep(0)
    await handler.pause()
    gate.set()
    await handler.snapshot()
    assert len(handler.pending_requests) == 1
    assert input_handler.asked == []
    await handler.resume_in_place()
    assert await handler.result() == [True, ""]


async def test_a_running_handler_is_cancelled_with_the_run() -> None:
    input_handler = CountingHandler(approve)
    input_handler.leave.clear()
    handler = await build(input_handler).run()
    await input_handler.entered.wait()
    await handler.cancel()
    assert not handler._tasks
