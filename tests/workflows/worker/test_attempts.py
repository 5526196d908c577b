"""A step that raises or cancels its own task fails its attempt only, also in a durable run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.execution.cancellation import HURTS, LEFTOVERS, close_itself, raise_odd
from tests.engine.execution.test_undescribable_errors import NAMES, breaking
from tests.support import flows
from tests.support.worker_control import Drive, Register, at_work, fresh, run_async, start, until
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.models import WorkflowRun
from workflows.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]

Hurt = Callable[[], Any]
every_hurt = pytest.mark.parametrize("hurt", HURTS, ids=lambda one: one.__name__)


def served(*runs: WorkflowRun, status: str) -> None:
    """Serve until these runs have the status, and another run without errors is completed."""
    other = start(flows.ASK)

    async def scenario() -> None:
        async with at_work(Worker()):
            await until(lambda: all(fresh(run).status == status for run in runs))
            await until(lambda: fresh(other).status == "waiting")

    run_async(scenario())


def error_of(run: WorkflowRun) -> dict[str, Any]:
    return fresh(run).error or {}


@every_hurt
def test_a_step_that_is_cancelled_from_inside_is_retried_and_then_fails_the_run(
    hurt: Hurt, register: Register
) -> None:
    @step(retries=1)
    async def begin(event: StartEvent) -> StopEvent:
        await hurt()
        return StopEvent()

    run = start(register(Workflow("t-hurt", steps=[begin])))
    served(run, status="failed")
    assert error_of(run)["kind"] == "CancelledError"
    assert error_of(run)["message"].startswith("It was cancelled from inside")
    assert list(run.journal.values_list("kind", flat=True)) == [
        "started", "step_retried", "failed"
    ]  # fmt: skip


@pytest.mark.parametrize("leave", LEFTOVERS, ids=lambda one: one.__name__)
def test_tasks_that_a_step_leaves_behind_do_not_affect_other_code(
    leave: Hurt, register: Register
) -> None:
    @step
    async def begin(event: StartEvent) -> flows.Part:
        await leave()
        return flows.Part(number=1)

    @step
    async def go_on(event: flows.Part) -> StopEvent:
        await asyncio.sleep(0)
        return StopEvent(result="fine")

    run = start(register(Workflow("t-left", steps=[begin, go_on])))
    served(run, status="completed")


@pytest.mark.parametrize(
    "hurt", [*HURTS, *LEFTOVERS, raise_odd, close_itself], ids=lambda one: one.__name__
)
def test_after_an_error_of_an_input_handler_people_answer(
    hurt: Hurt, drive: Drive, register: Register
) -> None:
    async def handle(request: InputRequestEvent) -> InputResponseEvent | None:
        await hurt()
        return None

    workflow = Workflow("t-handled", steps=[flows.ask, flows.finish], input_handler=handle)
    run = start(register(workflow))
    served(run, status="waiting")
    run.requests.get().answer({"approved": True}, by=None, source="test")
    drive()
    assert (fresh(run).result or {})["approved"] is True


@pytest.mark.parametrize("leave", LEFTOVERS, ids=lambda one: one.__name__)
def test_an_answer_of_an_input_handler_counts_even_if_it_leaves_tasks_behind(
    leave: Hurt, register: Register
) -> None:
    async def handle(request: InputRequestEvent) -> InputResponseEvent | None:
        await leave()
        return InputResponseEvent(request_id=request.request_id, response={"approved": True})

    workflow = Workflow("t-handled", steps=[flows.ask, flows.finish], input_handler=handle)
    run = start(register(workflow))
    served(run, status="completed")
    assert run.requests.get().source == "handler"


ENDS: list[BaseException] = [KeyboardInterrupt(), SystemExit(3), GeneratorExit(), StopIteration()]


@pytest.mark.parametrize("error", ENDS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("where", ["async", "def", "update"])
def test_an_exception_that_usually_ends_a_process_fails_an_attempt(
    error: BaseException, where: str, register: Register
) -> None:
    calls: list[int] = []

    def update(value: Any) -> int:
        calls.append(1)
        if len(calls) == 2:  # the commit makes the second call
            raise error
        return 1

    @step(retries=1)
    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        if where == "update":
            ctx.update("n", update)
        elif ctx.attempt == 1:
            raise error
        return StopEvent(result=ctx.attempt)

    @step(retries=1, name="begin")
    def begin_in_thread(event: StartEvent, ctx: Context) -> StopEvent:
        if ctx.attempt == 1:
            raise error
        return StopEvent(result=ctx.attempt)

    steps = [begin_in_thread if where == "def" else begin]
    run = start(register(Workflow("t-ends", steps=steps)))
    served(run, status="completed")
    assert fresh(run).result == 2


@pytest.mark.parametrize("name", [*NAMES, "__getattr__"])
def test_an_error_that_cannot_be_described_fails_its_run(name: str, register: Register) -> None:
    @step(retries=1)
    async def begin(event: StartEvent) -> StopEvent:
        raise breaking({name}, SystemExit, BaseException)

    run = start(register(Workflow("t-odd", steps=[begin])))
    served(run, status="failed")
    assert error_of(run)["kind"] == "Breaking"
    assert error_of(run)["engine"] is False


def test_cancelling_pausing_and_draining_do_not_count_as_failed_attempts(
    register: Register,
) -> None:
    attempts: list[int] = []
    entered = asyncio.Event()

    @step(retries=5)
    async def stay(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        entered.set()
        await asyncio.sleep(3600)
        return StopEvent()

    run = start(register(Workflow("t-stay", steps=[stay])))

    async def scenario() -> None:
        async with at_work(Worker()):
            await entered.wait()
            await asyncio.to_thread(fresh_cancel, run)
            await until(lambda: fresh(run).status == "cancelled")

    run_async(scenario())
    assert attempts == [1]
    assert not run.journal.filter(kind="step_retried").exists()


def fresh_cancel(run: WorkflowRun) -> None:
    from django.db import connections

    fresh(run).cancel()
    connections.close_all()
