"""Times in rows after a change of the clock: leases stay valid, and no run waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections

from tests.support import flows
from tests.support.worker_control import Gate, at_work, rows, run_async, until
from workflows import models
from workflows.engine import Workflow
from workflows.models import WorkflowRun, database_now
from workflows.web.context_processors import worker_is_missing
from workflows.worker import Worker, heartbeat
from workflows.worker.loading import loader

HOUR = timedelta(hours=1)
LEASE = timedelta(seconds=5)
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]

Register = Callable[[Workflow], Workflow]


def drive() -> None:
    asyncio.run(Worker().run_until_idle())
    connections.close_all()


def wake(run: WorkflowRun, after: timedelta) -> None:
    """Set the wake-up time of the row to `after` from now."""
    WorkflowRun.objects.filter(pk=run.pk).update(wake_at=database_now() + after)


def fresh(run: WorkflowRun) -> WorkflowRun:
    return WorkflowRun.objects.get(pk=run.pk)


def take(owner: str) -> list[loader.LeasedRun]:
    return loader.lease_and_load(owner, limit=10, duration=LEASE, holding=(), poison=False)[1]


def test_a_run_queued_before_the_clock_went_back_does_not_wait_for_it() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    wake(run, HOUR)
    drive()
    assert fresh(run).status == "waiting"


def test_a_lease_from_before_the_clock_went_back_does_not_last_for_an_hour() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    take("dead")
    wake(run, HOUR)
    drive()
    assert fresh(run).status == "waiting"


def test_a_valid_lease_is_respected() -> None:
    WorkflowRun.objects.start(flows.ASK, {})
    assert take("a")
    assert take("b") == []


def test_a_clock_that_goes_forward_does_not_lease_own_runs_again(
    register: Register,
) -> None:
    gate = Gate()
    register(gate.workflow)
    run = WorkflowRun.objects.start(gate.workflow, {})

    async def scenario() -> None:
        worker = Worker(embedded=True)
        async with at_work(worker):
            await asyncio.to_thread(gate.entered.wait, 20)
            await rows(lambda: wake(run, -HOUR))
            other = await rows(lambda: WorkflowRun.objects.start(flows.ORM, {}))
            worker.wake()
            await until(lambda: fresh(other).status == "completed")  # it has polled since
            assert (await rows(lambda: fresh(run))).fence == 1
            gate.open.set()
            await until(lambda: fresh(run).status == "waiting")

    run_async(scenario())
    assert fresh(run).crash_count == 0
    assert run.requests.count() == 1


def test_a_worker_with_a_heartbeat_in_the_future_does_not_count_as_alive() -> None:
    moment = database_now() + HOUR
    models.WorkerHeartbeat.objects.create(
        pk="ghost", signatures={"x": "1"}, started_at=moment, seen_at=moment
    )
    assert not models.WorkerHeartbeat.objects.alive(database_now()).exists()


def test_an_embedded_start_deletes_the_rows_of_earlier_workers() -> None:
    moment = database_now() + HOUR
    models.WorkerHeartbeat.objects.create(
        pk="ghost", signatures={"x": "1"}, started_at=moment, seen_at=moment
    )
    assert not worker_is_missing()
    heartbeat.beat("me", (), LEASE)
    heartbeat.replace_previous("me")
    assert list(models.WorkerHeartbeat.objects.values_list("pk", flat=True)) == ["me"]


def test_a_worker_uses_the_databases_time_and_not_its_own() -> None:
    async def scenario() -> None:
        worker = Worker()
        moment = worker.active.clock.now() + HOUR
        worker.active.clock.set(moment)
        before = time.monotonic()
        assert moment <= worker.active.clock.now()
        assert worker.active.clock.now() - moment < timedelta(seconds=time.monotonic() - before + 1)

    run_async(scenario())
