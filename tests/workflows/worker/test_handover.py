"""A transaction leases the run that it makes ready to the worker of its process, if it has one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
from django.db import transaction
from django.db.backends.signals import connection_created

from tests.support import flows
from tests.support.worker_control import (
    LEASE,
    Gate,
    Register,
    at_work,
    at_work_here,
    fresh,
    lapse,
    lease,
    rows,
    run_async,
    start,
    until,
)
from workflows.engine import Context, Event, StartEvent, StopEvent, Workflow, step
from workflows.models import InputRequest, WorkflowRun, database_now
from workflows.realtime.lease_offer import offer_lease
from workflows.worker import Worker, active_runs
from workflows.worker.loading.loader import load_leased

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]


CALLER = ContextVar("CALLER", default="nobody")


class Statements(list[str]):
    """The statements that were executed."""

    @property
    def leases(self) -> int:
        """How many leased runs that were ready."""
        return sum("WITH held AS" in one for one in self)

    @property
    def loads(self) -> int:
        """How many read leased runs with their history."""
        return sum("lease_owner = new.owner" in one for one in self)


@pytest.fixture
def executed() -> Iterator[Statements]:
    """List the statements of connections that are made from now on."""
    found = Statements()

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        found.append(sql)
        return execute(sql, *rest)

    def watch(*, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(watch)
    yield found
    connection_created.disconnect(watch)


def approve(run: WorkflowRun) -> None:
    """Answer the request of a run that waits."""
    request = InputRequest.objects.select_related("run").get(run=run)
    request.answer({"approved": True}, by=None, source="test")


def has_status(status: str, run: WorkflowRun) -> Callable[[], bool]:
    """Return the condition that the run has this status."""
    return lambda: fresh(run).status == status


def test_a_start_and_an_answer_lease_the_run_themselves(executed: Statements) -> None:
    async def scenario() -> None:
        worker = Worker()
        async with at_work_here(worker):
            executed.clear()
            run = await rows(start)
            assert (run.status, run.lease_owner, run.fence) == ("running", worker.id, 1)
            await until(has_status("waiting", run))
            await rows(lambda: approve(run))
            await until(has_status("completed", run))
            assert (await rows(lambda: fresh(run))).fence == 2
        assert (executed.leases, executed.loads) == (0, 1)

    run_async(scenario())
    assert (flows.calls["ask"], flows.calls["finish"]) == (1, 1)


def test_without_a_worker_in_the_process_a_run_is_queued() -> None:
    async def scenario() -> None:
        async with at_work(Worker()):  # not on a main loop
            run = await rows(start)
            assert (run.status, run.lease_owner, run.fence) == ("queued", "", 0)

    run_async(scenario())


def test_a_start_within_a_transaction_is_queued() -> None:
    def start_paused() -> WorkflowRun:
        with transaction.atomic():
            run = start()
            assert run.status == "queued"
            run.pause()
        return run

    async def scenario() -> None:
        async with at_work_here(Worker()):
            run = await rows(start_paused)
            assert (await rows(lambda: fresh(run))).status == "paused"

    run_async(scenario())
    assert flows.calls["ask"] == 0


def test_an_answer_that_is_rolled_back_hands_nothing_over(executed: Statements) -> None:
    def undo(run: WorkflowRun) -> None:
        with transaction.atomic():
            approve(run)
            assert fresh(run).status == "running"
            transaction.set_rollback(True)

    async def scenario() -> None:
        async with at_work_here(Worker()):
            run = await rows(start)
            await until(has_status("waiting", run))
            await rows(lambda: undo(run))
            assert (await rows(lambda: fresh(run))).status == "waiting"
            await rows(lambda: approve(run))
            await until(has_status("completed", run))

    run_async(scenario())
    assert flows.calls["finish"] == 1
    assert executed.loads == 1


class Held(Event):
    pass


def test_an_answer_to_a_run_that_does_not_wait_is_found_in_its_mailbox(register: Register) -> None:
    entered, opened = threading.Event(), threading.Event()

    @step
    async def fork(event: StartEvent, ctx: Context) -> list[flows.Part | Held]:
        return [flows.Part(number=1), Held()]

    @step
    def hold(event: Held, ctx: Context) -> flows.Done:
        entered.set()
        opened.wait(20)
        return flows.Done(number=2, approved=None)

    @step
    async def join(event: flows.Done, ctx: Context) -> StopEvent | None:
        found = ctx.collect_events(event, [flows.Done, flows.Done])
        return StopEvent(result=len(found)) if found else None

    steps = [fork, flows.ask_part, flows.take_part, hold, join]
    workflow = register(Workflow("t-fork", steps=steps))

    def answer(run: WorkflowRun) -> None:
        request = run.requests.select_related("run").get()
        request.run.status = "waiting"  # as if it had been read earlier
        request.answer({"approved": True}, by=None, source="test")

    async def scenario() -> None:
        async with at_work_here(Worker()):
            run = await rows(lambda: start(workflow))
            await asyncio.to_thread(entered.wait, 20)
            await until(lambda: run.requests.count() == 1)
            await rows(lambda: answer(run))
            await until(lambda: run.journal.filter(step="take_part").exists())
            opened.set()
            await until(has_status("completed", run))
            assert (await rows(lambda: fresh(run))).fence == 1

    run_async(scenario())


@pytest.mark.parametrize("columns", [{"crash_count": 2}, {"incompatible_builds": "other "}])
def test_a_run_that_not_every_worker_may_lease_is_queued(
    columns: dict[str, Any], executed: Statements
) -> None:
    async def scenario() -> None:
        async with at_work_here(Worker()):
            run = await rows(start)
            await until(has_status("waiting", run))
            await rows(lambda: WorkflowRun.objects.filter(pk=run.pk).update(**columns))
            executed.clear()
            await rows(lambda: approve(run))
            await until(has_status("completed", run))
        assert executed.leases

    run_async(scenario())


def test_a_worker_offers_only_what_it_would_lease(
    monkeypatch: pytest.MonkeyPatch, register: Register
) -> None:
    gate = Gate()
    register(gate.workflow)

    async def scenario() -> None:
        async with at_work_here(worker := Worker()):
            assert offer_lease("t-ask") is not None
            assert offer_lease("unknown") is None
            worker.handover.is_behind = True
            assert offer_lease("t-ask") is None
            worker.handover.is_behind = False
            await rows(lambda: start(gate.workflow))
            await asyncio.to_thread(gate.entered.wait, 20)
            monkeypatch.setattr(active_runs, "MAX_ACTIVE_RUNS", 1)
            assert offer_lease("t-ask") is None
            monkeypatch.undo()
            (active,) = worker.active.runs.values()
            active.is_poison = True
            assert offer_lease("t-ask") is None
            active.is_poison = False
            assert offer_lease("t-ask") is not None
            gate.open.set()
            worker.active.draining = True
            assert offer_lease("t-ask") is None
        assert offer_lease("t-ask") is None

    run_async(scenario())


def test_a_run_for_which_the_worker_has_no_room_any_more_is_queued(
    monkeypatch: pytest.MonkeyPatch, register: Register
) -> None:
    gate = Gate()
    register(gate.workflow)

    async def scenario() -> None:
        run = await rows(start)
        async with at_work_here(worker := Worker()):
            await until(has_status("waiting", run))
            await rows(lambda: start(gate.workflow))
            await asyncio.to_thread(gate.entered.wait, 20)
            monkeypatch.setattr(active_runs, "MAX_ACTIVE_RUNS", 2)
            offer = offer_lease("t-ask")
            assert offer is not None
            monkeypatch.setattr(active_runs, "MAX_ACTIVE_RUNS", 1)
            until_ = await rows(lambda: database_now() + LEASE)
            await rows(
                lambda: WorkflowRun.objects.filter(pk=run.pk).update(
                    status="running", lease_owner=offer.owner, fence=7, wake_at=until_
                )
            )
            offer.take(run.pk, None)
            await until(has_status("queued", run))
            gate.open.set()
            await until(has_status("waiting", run))
        assert worker.id == offer.owner

    run_async(scenario())


def test_a_run_is_loaded_only_while_its_lease_lasts() -> None:
    run = start()
    lease("me")
    assert load_leased("another", [run.pk], database_now()) == []
    assert [one.row.pk for one in load_leased("me", [run.pk], database_now())] == [run.pk]
    lapse(run)
    assert load_leased("me", [run.pk], database_now()) == []
    given_back = fresh(run)
    assert (given_back.status, given_back.lease_owner, given_back.crash_count) == ("queued", "", 0)


def test_a_run_does_not_begin_in_the_context_of_the_request_that_started_it(
    register: Register,
) -> None:
    seen: list[str] = []

    @step
    async def look(event: StartEvent, ctx: Context) -> StopEvent:
        seen.append(CALLER.get())
        return StopEvent(result=None)

    workflow = register(Workflow("t-context", steps=[look]))

    def start_in_request() -> WorkflowRun:
        CALLER.set("an HTTP request")
        return start(workflow)

    async def scenario() -> None:
        async with at_work_here(Worker()):
            run = await rows(start_in_request)
            assert run.status == "running"
            await until(has_status("completed", run))

    run_async(scenario())
    assert seen == ["nobody"]
