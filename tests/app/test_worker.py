"""One worker at a time: claims, fences, takeovers, and what happens to a run in hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from tests.app import flows
from workflows.driver import Driver, snapshot_of, store
from workflows.driver.live import LiveRun
from workflows.driver.replay import fold
from workflows.driver.slots import Slots
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)
from workflows.errors import RunBlocked, RunEnded
from workflows.models import InputRequest, JournalEntry, Snapshot, WorkflowRun, database_now

T = TypeVar("T")
Drive = Callable[[], None]
Register = Callable[[Workflow], Workflow]
LEASE = timedelta(seconds=5)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def known(register: Register) -> None:
    for workflow in flows.ALL:
        register(workflow)
    flows.calls.clear()
    flows.broken.clear()


def start(workflow: Workflow = flows.ASK) -> WorkflowRun:
    return WorkflowRun.objects.start(workflow, {})


def fresh(run: WorkflowRun) -> WorkflowRun:
    return WorkflowRun.objects.get(pk=run.pk)


def claim(owner: str, *, suspects: bool = False) -> list[store.Loaded]:
    return store.take(owner, limit=10, lease=LEASE, holding=(), suspects=suspects)[1]


def begin(claimed: list[store.Loaded]) -> None:
    """Note that steps of these begin, as a worker does before they do."""
    WorkflowRun.objects.mark_untouched([one.row for one in claimed], untouched=False)


def lapse(run: WorkflowRun) -> None:
    """Let the lease of `run` end, as if its worker had died long ago."""
    WorkflowRun.objects.filter(pk=run.pk).update(wake_at=database_now() - timedelta(seconds=1))


async def rows(function: Callable[[], T]) -> T:
    """Use the ORM in a thread of its own."""

    def call() -> T:
        try:
            return function()
        finally:
            connections.close_all()

    return await asyncio.to_thread(call)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition on the rows comes true."""
    async with asyncio.timeout(20):
        while not await rows(condition):  # noqa: ASYNC110  rows change without an event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def at_work(driver: Driver) -> AsyncIterator[None]:
    """A worker that serves until the block ends."""
    task = asyncio.create_task(driver.serve())
    try:
        yield
    finally:
        await driver.drain()
        await task


def play(story: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on a loop of its own."""
    asyncio.run(story)
    connections.close_all()


class Gate:
    """A step that waits until the test lets it go."""

    def __init__(self, *, threaded: bool = False) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        gate = self

        @step(name="hold")
        def hold(event: StartEvent, ctx: Context) -> InputRequestEvent:
            gate.entered.set()
            gate.open.wait(20)
            return InputRequestEvent(prompt="After the gate?")

        self.workflow = Workflow("t-gate", steps=[hold, flows.finish])


def test_a_claim_leases_the_run_to_one_worker() -> None:
    run = start()
    assert [one.row.pk for one in claim("a")] == [run.pk]
    assert claim("b") == []
    held = fresh(run)
    assert (held.status, held.lease_owner, held.fence) == ("running", "a", 1)


def test_a_worker_that_lost_its_lease_cannot_write(drive: Drive) -> None:
    run = start()

    async def story() -> None:
        frozen = Driver()
        loaded = await rows(lambda: claim("frozen"))
        live = LiveRun(frozen, loaded[0])
        await rows(lambda: lapse(run))
        await Driver().run_until_idle()
        late = live.gather(frozen.now())
        assert not (await rows(lambda: store.store([late]))).done

    play(story())
    assert fresh(run).status == "waiting"
    assert run.requests.count() == 1
    assert run.journal.count() == fresh(run).seq


def test_a_run_left_behind_is_taken_over_and_its_takeovers_are_forgotten(drive: Drive) -> None:
    run = start()
    claim("dead")
    drive()
    assert fresh(run).status == "running"  # the lease still stands
    lapse(run)
    drive()
    assert fresh(run).status == "waiting"
    assert fresh(run).takeovers == 0


def test_an_embedded_start_takes_over_at_once() -> None:
    run = start()
    claim("process before")
    asyncio.run(Driver(embedded=True).run_until_idle())
    assert fresh(run).status == "waiting"


def test_a_run_that_took_down_its_worker_is_claimed_alone_then_blocked(drive: Drive) -> None:
    run = start()
    claim("dead 0")
    for takeover in range(1, 5):
        lapse(run)
        claimed = claim(f"dead {takeover}", suspects=takeover > 2)
        assert len(claimed) == 1, takeover
        begin(claimed)
        assert fresh(run).takeovers == takeover
        if takeover >= 2:
            lapse(run)
            assert claim("in company") == []
    other = start()
    lapse(run)
    drive()
    blocked = fresh(run)
    assert blocked.status == "blocked"
    assert blocked.error is not None
    assert "in the hands of 5 workers" in blocked.error["message"]
    assert fresh(other).status == "waiting"


def test_a_run_is_blamed_for_a_second_death_only_if_something_of_it_had_begun() -> None:
    begun, leased = start(), start()
    claim("dead")
    for kill in range(3):
        lapse(begun)
        lapse(leased)
        claimed = claim(f"killed {kill}", suspects=False) + claim(f"killed {kill}", suspects=True)
        begin([one for one in claimed if one.row.pk == begun.pk])
    assert fresh(begun).takeovers == 3
    assert fresh(leased).takeovers == 1
    lapse(leased)
    assert [one.row.pk for one in claim("next")] == [leased.pk], "among others, as it always was"


def test_a_worker_that_dies_while_it_loads_is_counted_for_all_it_loaded() -> None:
    run = start()
    claim("dead")
    for _ in range(2):
        lapse(run)
        WorkflowRun.objects.claim("dies in the load", now=database_now(), limit=1, lease=LEASE)
    assert fresh(run).takeovers == 2


def test_a_step_of_a_run_that_was_taken_over_is_noted_before_it_begins(
    register: Register,
) -> None:
    seen: list[tuple[int, bool]] = []

    @step
    async def look(event: StartEvent, ctx: Context) -> flows.Part:
        row = await rows(lambda: WorkflowRun.objects.get(pk=ctx.run_id))
        seen.append((row.takeovers, row.untouched))
        return flows.Part(number=1)

    @step
    def look_again(event: flows.Part, ctx: Context) -> StopEvent:
        row = WorkflowRun.objects.get(pk=ctx.run_id)
        seen.append((row.takeovers, row.untouched))
        return StopEvent(result=None)

    run = start(register(Workflow("t-look", steps=[look, look_again])))
    claim("dead")
    lapse(run)
    asyncio.run(Driver().run_until_idle())
    assert seen == [(1, False), (0, False)]


def test_a_run_whose_step_waits_for_a_place_is_not_to_blame(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    runs = [start(gate.workflow), start(gate.workflow)]
    claim("dead")
    for run in runs:
        lapse(run)

    async def story() -> None:
        driver = Driver()
        driver.slots = Slots(1)
        async with at_work(driver):
            await asyncio.to_thread(gate.entered.wait, 20)
            held = await rows(lambda: [fresh(run) for run in runs])
            gate.open.set()
        assert sorted((one.takeovers, one.untouched) for one in held) == [(1, False), (1, True)]

    play(story())


def test_a_suspect_that_gets_on_is_no_suspect_any_more(drive: Drive) -> None:
    run = start()
    WorkflowRun.objects.filter(pk=run.pk).update(takeovers=3)
    drive()
    assert fresh(run).status == "waiting"
    assert fresh(run).takeovers == 0


def test_a_run_without_its_code_is_blocked_and_goes_on_when_the_code_is_back(
    drive: Drive,
) -> None:
    run, other = start(), start(flows.ORM)
    drive()
    request = run.requests.get()
    registry.unregister("t-ask")
    WorkflowRun.objects.filter(pk=run.pk).update(status="queued", wake_at=database_now())
    drive()
    blocked = fresh(run)
    assert blocked.status == "blocked"
    assert blocked.error is not None
    assert "'t-ask'" in blocked.error["message"]
    assert fresh(other).status == "completed"
    request.refresh_from_db()
    assert request.status == "pending"
    with pytest.raises(RunBlocked):
        request.answer({"approved": True}, by=None, door="test")
    registry.register(flows.ASK)
    drive()
    assert fresh(run).status == "waiting"
    request.answer({"approved": True}, by=None, door="test")
    drive()
    assert fresh(run).status == "completed"


def test_a_run_whose_step_is_gone_is_blocked_by_name(drive: Drive, register: Register) -> None:
    run = start(flows.LATER)
    flows.broken.add("try_later")
    drive()
    registry.unregister("t-later")
    register(Workflow("t-later", steps=[flows.count_users]))
    WorkflowRun.objects.filter(pk=run.pk).update(wake_at=database_now())
    drive()
    assert fresh(run).status == "blocked"
    assert "no step 'try_later'" in (fresh(run).error or {})["message"]


def test_a_person_may_have_a_blocked_run_tried_again(drive: Drive) -> None:
    run = start()
    WorkflowRun.objects.filter(pk=run.pk).update(takeovers=5)
    drive()
    assert fresh(run).status == "blocked"
    fresh(run).retry()
    drive()
    assert fresh(run).status == "waiting"
    assert [one.kind for one in run.journal.order_by("seq")][:2] == ["blocked", "unblocked"]


def test_a_corrupt_snapshot_blocks_its_run_and_nobody_elses(drive: Drive) -> None:
    run, other = start(), start()
    drive()
    Snapshot.objects.filter(run=run).update(data={"format": 1, "oops": True})
    for one in (run, other):
        one.requests.get().answer({"approved": True}, by=None, door="test")
    drive()
    assert fresh(run).status == "blocked"
    assert "snapshot is damaged" in (fresh(run).error or {})["message"]
    assert fresh(other).status == "completed"


def test_a_run_that_cannot_be_stored_spoils_nobody_elses_commit(drive: Drive) -> None:
    run, other = start(), start()
    JournalEntry.objects.create(run=run, seq=2, kind="forged", data={}, at=database_now())
    drive()
    assert fresh(run).status == "blocked"
    assert fresh(other).status == "waiting"


def test_a_batch_costs_the_same_queries_whatever_its_size() -> None:
    async def cost(size: int) -> tuple[int, int]:
        await rows(lambda: [start() for _ in range(size)])
        driver = Driver()

        def counted(function: Callable[[], T]) -> tuple[T, int]:
            with CaptureQueriesContext(connection) as queries:
                return function(), len(queries)

        loaded, load = await rows(lambda: counted(lambda: claim(driver.id)))
        writes = [LiveRun(driver, one).gather(driver.now()) for one in loaded]
        stored, commit = await rows(lambda: counted(lambda: store.store(writes)))
        assert len(stored.done) == len(loaded)
        return load, commit

    async def story() -> None:
        assert await cost(1) == await cost(8)

    play(story())


def test_an_answer_that_comes_while_the_run_is_in_hand_is_applied(register: Register) -> None:
    """The answer arrives between the load and the park, when nobody looks at the inbox."""

    @step
    async def split(event: StartEvent, ctx: Context) -> list[flows.Part | InputRequestEvent]:
        return [flows.Part(number=1), InputRequestEvent(prompt="Meanwhile?")]

    @step
    def answer_it(event: flows.Part, ctx: Context) -> None:
        request = InputRequest.objects.get(run__id=ctx.run_id)
        assert request.run.status == "running"
        request.answer({"approved": True}, by=None, door="test")

    register(Workflow("t-meanwhile", steps=[split, answer_it, flows.finish]))
    run = WorkflowRun.objects.start("t-meanwhile")
    asyncio.run(Driver().run_until_idle())
    assert fresh(run).status == "completed"


def test_a_pause_lets_the_running_step_end(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    run = start(gate.workflow)

    async def story() -> None:
        driver = Driver()
        async with at_work(driver):
            await asyncio.to_thread(gate.entered.wait, 20)
            await rows(lambda: fresh(run).pause())
            assert (await rows(lambda: fresh(run))).status == "running"
            driver.ring()
            gate.open.set()
            await until(lambda: fresh(run).status == "paused")
        await rows(lambda: run.requests.get().answer({"approved": True}, by=None, door="test"))
        await rows(lambda: fresh(run).resume())
        await Driver().run_until_idle()

    play(story())
    assert fresh(run).status == "completed"
    kinds = list(run.journal.order_by("seq").values_list("kind", flat=True))
    assert "paused" in kinds


def test_a_cancelled_run_is_dropped_by_its_worker(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    run = start(gate.workflow)

    async def story() -> None:
        driver = Driver()
        async with at_work(driver):
            await asyncio.to_thread(gate.entered.wait, 20)
            await rows(lambda: fresh(run).cancel())
            driver.ring()
            async with asyncio.timeout(20):
                while driver.lives:  # noqa: ASYNC110  the driver has no event for it
                    await asyncio.sleep(0.01)
            gate.open.set()

    play(story())
    assert fresh(run).status == "cancelled"
    assert not run.requests.exists()
    assert [one.kind for one in run.journal.all()] == ["cancelled"]


def test_a_worker_that_drains_gives_back_what_it_holds(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    run = start(gate.workflow)

    async def story() -> None:
        async with at_work(Driver()):
            await asyncio.to_thread(gate.entered.wait, 20)
            threading.Timer(0.2, gate.open.set).start()

    play(story())
    given_back = fresh(run)
    assert given_back.status in ("queued", "waiting")
    asyncio.run(Driver().run_until_idle())
    assert fresh(run).status == "waiting"
    assert run.requests.count() == 1


def test_an_answer_that_comes_too_late_is_journaled_as_discarded(register: Register) -> None:
    @step
    async def split(event: StartEvent, ctx: Context) -> list[flows.Part | InputRequestEvent]:
        return [flows.Part(number=1), InputRequestEvent(prompt="Too late?")]

    @step
    def answer_and_stop(event: flows.Part, ctx: Context) -> StopEvent:
        request = InputRequest.objects.get(run__id=ctx.run_id)
        request.answer({"approved": True}, by=None, door="test")
        return StopEvent(result="over")

    register(Workflow("t-late", steps=[split, answer_and_stop, flows.finish]))
    run = WorkflowRun.objects.start("t-late")
    asyncio.run(Driver().run_until_idle())
    done = fresh(run)
    assert (done.status, done.result) == ("completed", "over")
    last = run.journal.order_by("-seq").first()
    assert last is not None
    assert last.kind == "discarded"
    assert not run.deliveries.filter(applied_seq=None).exists()


def test_open_requests_close_with_the_run(register: Register) -> None:
    @step
    async def split(event: StartEvent, ctx: Context) -> list[flows.Part | InputRequestEvent]:
        return [flows.Part(number=1), InputRequestEvent(prompt="Never mind?")]

    @step
    async def stop(event: flows.Part, ctx: Context) -> StopEvent:
        return StopEvent(result="over")

    register(Workflow("t-close", steps=[split, stop, flows.finish]))
    run = WorkflowRun.objects.start("t-close")
    asyncio.run(Driver().run_until_idle())
    request = run.requests.get()
    assert request.status == "cancelled"
    with pytest.raises(RunEnded):
        request.answer({"approved": True}, by=None, door="test")


def test_a_payload_past_the_limits_fails_the_step_that_made_it(
    register: Register, settings: Any
) -> None:
    @step
    async def ask_much(event: StartEvent, ctx: Context) -> InputRequestEvent:
        return InputRequestEvent(prompt="Much?", payload="x" * 2000)

    settings.PAYLOAD_MAX_BYTES = 1000
    register(Workflow("t-much", steps=[ask_much, flows.finish]))
    run = WorkflowRun.objects.start("t-much")
    asyncio.run(Driver().run_until_idle())
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
    asyncio.run(Driver().run_until_idle())
    assert [fresh(run).status for run in runs] == ["waiting"] * 3
    assert len({run.requests.get().pk for run in runs}) == 3
    assert {run.requests.get().request_id for run in runs} == {shared.request_id}


class Answers:
    """An input handler that does what a test tells it."""

    def __init__(self, response: Any = None, *, error: bool = False) -> None:
        self.asked: list[str] = []
        self.response = response
        self.error = error

    async def __call__(self, request: InputRequestEvent) -> InputResponseEvent | None:
        self.asked.append(request.request_id)
        if self.error:
            raise ValueError("the handler is broken")
        if self.response is None:
            return None
        request_id = self.response.pop("request_id", request.request_id)
        return InputResponseEvent(request_id=request_id, response=self.response)

    def workflow(self) -> Workflow:
        return Workflow("t-handled", steps=[flows.ask, flows.finish], input_handler=self)


def test_the_input_handlers_answer_is_the_systems(drive: Drive, register: Register) -> None:
    handler = Answers({"approved": True})
    run = start(register(handler.workflow()))
    drive()
    assert fresh(run).status == "completed"
    request = run.requests.get()
    assert (request.status, request.door, request.answered_by) == ("answered", "handler", None)
    assert handler.asked == [request.request_id]


def test_a_handler_that_leaves_it_to_people_is_not_asked_again(
    drive: Drive, register: Register
) -> None:
    handler = Answers(None)
    run = start(register(handler.workflow()))
    drive()
    assert fresh(run).status == "waiting"
    fresh(run).pause()
    fresh(run).resume()
    drive()
    assert len(handler.asked) == 1
    run.requests.get().answer({"approved": False}, by=None, door="test")
    drive()
    assert (fresh(run).result or {})["approved"] is False


@pytest.mark.parametrize("handler", [Answers(error=True), Answers({"approved": "perhaps"})])
def test_a_handler_that_fails_leaves_the_request_to_people(
    handler: Answers, drive: Drive, register: Register
) -> None:
    run = start(register(handler.workflow()))
    drive()
    assert fresh(run).status == "waiting"
    run.requests.get().answer({"approved": True}, by=None, door="test")
    drive()
    assert fresh(run).status == "completed"


def test_a_handler_that_answers_another_request_fails_the_run(
    drive: Drive, register: Register
) -> None:
    run = start(register(Answers({"approved": True, "request_id": "other"}).workflow()))
    drive()
    assert fresh(run).status == "failed"
    assert (fresh(run).error or {})["kind"] == "WrongRequestId"
    assert "'other'" in (fresh(run).error or {})["message"]


def test_folding_the_journal_from_any_snapshot_gives_the_same_state(
    drive: Drive, register: Register
) -> None:
    @step
    async def loop(event: StartEvent | flows.Part, ctx: Context) -> flows.Part | StopEvent:
        count = ctx.update("n", lambda n: (n or 0) + 1)
        return StopEvent(result=count) if count == 150 else flows.Part(number=count)

    run = start(register(Workflow("t-loop", steps=[loop])))
    drive()
    done = fresh(run)
    assert done.result == 150
    snapshots = list(run.snapshots.order_by("seq"))
    assert snapshots
    entries = list(run.journal.order_by("seq"))
    for seq in range(1, done.seq + 1):
        whole = fold(None, entries[:seq])
        assert snapshot_of(done, seq).data == snapshot_data(done, whole), seq
    for snapshot in snapshots:
        rest = [entry for entry in entries if entry.seq > snapshot.seq]
        assert snapshot_data(done, fold(snapshot, rest)) == snapshot_of(done).data


def snapshot_data(run: WorkflowRun, state: Any) -> dict[str, Any]:
    from workflows.engine import WorkflowSnapshot

    return WorkflowSnapshot.of(run.workflow, run.signature, str(run.pk), state).data
