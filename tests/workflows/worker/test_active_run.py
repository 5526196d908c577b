"""An active run: answers and actions while a worker has it, and what the worker stores."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import flows
from tests.support.worker_control import (
    Gate,
    Register,
    T,
    at_work,
    fresh,
    lease,
    rows,
    run_async,
    start,
    until,
)
from workflows.engine import (
    Context,
    InputRequestEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.errors import RunEnded
from workflows.models import InputRequest, WorkflowRun
from workflows.worker import Worker
from workflows.worker.commit import store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]


@step
async def split(event: StartEvent, ctx: Context) -> list[flows.Part | InputRequestEvent]:
    """Make a request, and run another step meanwhile."""
    return [flows.Part(number=1), InputRequestEvent(prompt="Meanwhile?")]


def test_a_batch_costs_the_same_queries_whatever_its_size() -> None:
    """One run alone needs one query less: only several rows have to be locked in order."""

    async def cost(size: int) -> tuple[int, int]:
        await rows(lambda: [start() for _ in range(size)])
        worker = Worker()

        def counted(function: Callable[[], T]) -> tuple[T, int]:
            with CaptureQueriesContext(connection) as queries:
                return function(), len(queries)

        loaded, load = await rows(lambda: counted(lambda: lease(worker.id)))
        writes = [worker.activate(one).build_update(worker.active.clock.now()) for one in loaded]
        stored, commit = await rows(lambda: counted(lambda: store.store(writes)))
        assert len(stored.done) == len(loaded)
        return load, commit

    async def scenario() -> None:
        assert await cost(2) == await cost(8)

    run_async(scenario())


def test_an_answer_to_an_active_run_is_applied(register: Register) -> None:
    """The answer arrives after the run was loaded and before it is suspended."""

    @step
    def answer_it(event: flows.Part, ctx: Context) -> None:
        request = InputRequest.objects.get(run__id=ctx.run_id)
        assert request.run.status == "running"
        request.answer({"approved": True}, by=None, source="test")

    register(Workflow("t-meanwhile", steps=[split, answer_it, flows.finish]))
    run = WorkflowRun.objects.start("t-meanwhile")
    asyncio.run(Worker().run_until_idle())
    assert fresh(run).status == "completed"


def test_a_pause_lets_the_running_step_end(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    run = start(gate.workflow)

    async def scenario() -> None:
        worker = Worker()
        async with at_work(worker):
            await asyncio.to_thread(gate.entered.wait, 20)
            await rows(lambda: fresh(run).pause())
            assert (await rows(lambda: fresh(run))).status == "running"
            worker.wake()
            gate.open.set()
            await until(lambda: fresh(run).status == "paused")
        await rows(lambda: run.requests.get().answer({"approved": True}, by=None, source="test"))
        await rows(lambda: fresh(run).resume())
        await Worker().run_until_idle()

    run_async(scenario())
    assert fresh(run).status == "completed"
    kinds = list(run.journal.order_by("seq").values_list("kind", flat=True))
    assert "paused" in kinds


def test_a_cancelled_run_is_dropped_by_its_worker(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    run = start(gate.workflow)

    async def scenario() -> None:
        worker = Worker()
        async with at_work(worker):
            await asyncio.to_thread(gate.entered.wait, 20)
            await rows(lambda: fresh(run).cancel())
            worker.wake()
            async with asyncio.timeout(20):
                while worker.active.runs:  # noqa: ASYNC110  the worker has no event for it
                    await asyncio.sleep(0.01)
            gate.open.set()

    run_async(scenario())
    assert fresh(run).status == "cancelled"
    assert not run.requests.exists()
    assert [one.kind for one in run.journal.all()] == ["cancelled"]


def test_a_worker_that_drains_gives_back_its_leases(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    run = start(gate.workflow)

    async def scenario() -> None:
        async with at_work(Worker()):
            await asyncio.to_thread(gate.entered.wait, 20)
            threading.Timer(0.2, gate.open.set).start()

    run_async(scenario())
    given_back = fresh(run)
    assert given_back.status in ("queued", "waiting")
    asyncio.run(Worker().run_until_idle())
    assert fresh(run).status == "waiting"
    assert run.requests.count() == 1


def test_an_answer_that_is_too_late_is_discarded_in_the_journal(register: Register) -> None:
    @step
    def answer_and_stop(event: flows.Part, ctx: Context) -> StopEvent:
        request = InputRequest.objects.get(run__id=ctx.run_id)
        request.answer({"approved": True}, by=None, source="test")
        return StopEvent(result="over")

    register(Workflow("t-late", steps=[split, answer_and_stop, flows.finish]))
    run = WorkflowRun.objects.start("t-late")
    asyncio.run(Worker().run_until_idle())
    done = fresh(run)
    assert (done.status, done.result) == ("completed", "over")
    last = run.journal.order_by("-seq").first()
    assert last is not None
    assert last.kind == "discarded"
    assert not run.deliveries.filter(applied_seq=None).exists()


def test_open_requests_close_with_the_run(register: Register) -> None:
    @step
    async def stop(event: flows.Part, ctx: Context) -> StopEvent:
        return StopEvent(result="over")

    register(Workflow("t-close", steps=[split, stop, flows.finish]))
    run = WorkflowRun.objects.start("t-close")
    asyncio.run(Worker().run_until_idle())
    request = run.requests.get()
    assert request.status == "cancelled"
    with pytest.raises(RunEnded):
        request.answer({"approved": True}, by=None, source="test")


def test_a_payload_past_the_limits_fails_the_step_that_made_it(
    register: Register, settings: Any
) -> None:
    @step
    async def ask_much(event: StartEvent, ctx: Context) -> InputRequestEvent:
        return InputRequestEvent(prompt="Much?", payload="x" * 2000)

    settings.PAYLOAD_MAX_BYTES = 1000
    register(Workflow("t-much", steps=[ask_much, flows.finish]))
    run = WorkflowRun.objects.start("t-much")
    asyncio.run(Worker().run_until_idle())
    failed = fresh(run)
    assert failed.status == "failed"
    message = (failed.error or {})["message"]
    assert "step 'ask_much'" in message
    assert "1,000 bytes" in message
    assert not run.requests.exists()


def test_one_request_object_may_be_returned_by_several_runs(register: Register) -> None:
    shared = InputRequestEvent(prompt="The same object?")

    @step
    async def ask_shared(event: StartEvent, ctx: Context) -> InputRequestEvent:
        return shared

    register(Workflow("t-shared", steps=[ask_shared, flows.finish]))
    runs = [WorkflowRun.objects.start("t-shared") for _ in range(3)]
    asyncio.run(Worker().run_until_idle())
    assert [fresh(run).status for run in runs] == ["waiting"] * 3
    assert len({run.requests.get().pk for run in runs}) == 3
    assert {run.requests.get().request_id for run in runs} == {shared.request_id}
