"""Leases, fencing tokens and crash counts: a run has one worker at a time."""

from __future__ import annotations

import asyncio

import pytest

from tests.support import flows
from tests.support.worker_control import (
    LEASE,
    Drive,
    Gate,
    Register,
    at_work,
    begin,
    fresh,
    lapse,
    lease,
    rows,
    run_async,
    start,
)
from workflows.engine import (
    Context,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.models import WorkflowRun
from workflows.worker import Worker
from workflows.worker.commit import store
from workflows.worker.steps.thread_slots import ThreadLimiter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]


def test_a_lease_leases_the_run_to_one_worker() -> None:
    run = start()
    assert [one.row.pk for one in lease("a")] == [run.pk]
    assert lease("b") == []
    held = fresh(run)
    assert (held.status, held.lease_owner, held.fence) == ("running", "a", 1)


def test_a_worker_that_lost_its_lease_cannot_write(drive: Drive) -> None:
    run = start()

    async def scenario() -> None:
        frozen = Worker()
        loaded = await rows(lambda: lease("frozen"))
        live = frozen.activate(loaded[0])
        await rows(lambda: lapse(run))
        await Worker().run_until_idle()
        late = live.build_update(frozen.active.clock.now())
        assert not (await rows(lambda: store.store([late]))).done

    run_async(scenario())
    assert fresh(run).status == "waiting"
    assert run.requests.count() == 1
    assert run.journal.count() == fresh(run).seq


def test_an_abandoned_run_is_taken_over_and_progress_resets_its_crash_count(drive: Drive) -> None:
    run = start()
    lease("dead")
    drive()
    assert fresh(run).status == "running"  # the lease is still valid
    lapse(run)
    drive()
    assert fresh(run).status == "waiting"
    assert fresh(run).crash_count == 0


def test_an_embedded_start_takes_over_at_once() -> None:
    run = start()
    lease("process before")
    asyncio.run(Worker(embedded=True).run_until_idle())
    assert fresh(run).status == "waiting"


def test_a_run_that_crashed_its_worker_is_leased_alone_and_then_blocked(drive: Drive) -> None:
    run = start()
    lease("dead 0")
    for takeover in range(1, 5):
        lapse(run)
        leased = lease(f"dead {takeover}", poison=takeover > 2)
        assert len(leased) == 1, takeover
        begin(leased)
        assert fresh(run).crash_count == takeover
        if takeover >= 2:
            lapse(run)
            assert lease("in company") == []
    other = start()
    lapse(run)
    drive()
    blocked = fresh(run)
    assert blocked.status == "blocked"
    assert blocked.error is not None
    assert "active on 5 workers" in blocked.error["message"]
    assert fresh(other).status == "waiting"


def test_a_second_crash_is_counted_only_if_a_step_of_the_run_had_begun() -> None:
    begun, unbegun = start(), start()
    lease("dead")
    for kill in range(3):
        lapse(begun)
        lapse(unbegun)
        leased = lease(f"killed {kill}", poison=False) + lease(f"killed {kill}", poison=True)
        begin([one for one in leased if one.row.pk == begun.pk])
    assert fresh(begun).crash_count == 3
    assert fresh(unbegun).crash_count == 1
    lapse(unbegun)
    assert [one.row.pk for one in lease("next")] == [unbegun.pk], "together with other runs"


def test_a_worker_that_crashes_during_loading_is_counted_for_all_its_runs() -> None:
    run = start()
    lease("dead")
    for _ in range(2):
        lapse(run)
        WorkflowRun.objects.lease("dies in the load", limit=1, duration=LEASE)
    assert fresh(run).crash_count == 2


def test_the_start_of_a_step_after_a_takeover_is_recorded_before_it_begins(
    register: Register,
) -> None:
    seen: list[tuple[int, bool]] = []

    @step
    async def look(event: StartEvent, ctx: Context) -> flows.Part:
        row = await rows(lambda: WorkflowRun.objects.get(pk=ctx.run_id))
        seen.append((row.crash_count, row.idle_since_recovery))
        return flows.Part(number=1)

    @step
    def look_again(event: flows.Part, ctx: Context) -> StopEvent:
        row = WorkflowRun.objects.get(pk=ctx.run_id)
        seen.append((row.crash_count, row.idle_since_recovery))
        return StopEvent(result=None)

    run = start(register(Workflow("t-look", steps=[look, look_again])))
    lease("dead")
    lapse(run)
    asyncio.run(Worker().run_until_idle())
    assert seen == [(1, False), (0, False)]


def test_a_run_whose_step_waits_for_a_thread_is_not_blamed(register: Register) -> None:
    gate = Gate()
    register(gate.workflow)
    runs = [start(gate.workflow), start(gate.workflow)]
    lease("dead")
    for run in runs:
        lapse(run)

    async def scenario() -> None:
        worker = Worker()
        worker.runner.limiter = ThreadLimiter(1)
        async with at_work(worker):
            await asyncio.to_thread(gate.entered.wait, 20)
            held = await rows(lambda: [fresh(run) for run in runs])
            gate.open.set()
        assert sorted((one.crash_count, one.idle_since_recovery) for one in held) == [
            (1, False),
            (1, True),
        ]

    run_async(scenario())


def test_a_poison_run_that_makes_progress_is_not_poison_any_more(drive: Drive) -> None:
    run = start()
    WorkflowRun.objects.filter(pk=run.pk).update(crash_count=3)
    drive()
    assert fresh(run).status == "waiting"
    assert fresh(run).crash_count == 0
