"""An idle worker makes few queries, and still finds runs whose wake-up was lost."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext

from tests.support import flows, polling
from tests.support.factories import make_request
from tests.support.worker_control import Register, at_work, rows, run_async, until
from workflows.models import InputRequest, WorkflowRun, database_now
from workflows.worker import Worker
from workflows.worker.heartbeat import beat
from workflows.worker.sweep import sweep

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = timedelta(seconds=5)


@pytest.fixture
def asked() -> Iterator[Counter[str]]:
    """Count the statements of the worker's threads from now on, by thread."""
    counts: Counter[str] = Counter()

    def note(execute: Callable[..., Any], *statement: Any) -> Any:
        counts[threading.current_thread().name.partition("_")[0]] += 1
        return execute(*statement)

    def watch(*, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(watch)
    yield counts
    connection_created.disconnect(watch)


def test_a_sweep_that_finds_nothing_is_one_statement() -> None:
    before, now = sweep.run_sweep("me"), database_now()
    with CaptureQueriesContext(connection) as queries:
        found = sweep.run_sweep("me", now, before)
    assert len(queries) == 1, queries.captured_queries
    assert not found.ready
    assert not found.poison


def test_an_idle_worker_sends_at_most_two_statements_a_second(
    asked: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps: list[int] = []
    survey = sweep.run_sweep

    def counted(*given: Any) -> Any:
        sweeps.append(asked["workflow-database"])
        return survey(*given)

    monkeypatch.setattr(sweep, "run_sweep", counted)
    monkeypatch.setattr(sweep, "CHORES", [])  # tasks of other applications, once a minute

    async def scenario() -> None:
        async with at_work(Worker()):
            await asyncio.to_thread(polling.until, lambda: len(sweeps) > 4)

    run_async(scenario())
    # The first two read the workers and lease runs; each of the others is one idle second. The
    # lease thread sends two more statements every 3.3 seconds.
    asked_by_each = [after - before for before, after in pairwise(sweeps[1:5])]
    assert asked_by_each == [1, 1, 1]


def test_the_heartbeat_of_an_idle_worker_takes_two_statements() -> None:
    beat("me", (), LEASE)
    with CaptureQueriesContext(connection) as queries:
        beat("me", (), LEASE)
    assert len(queries) <= 2


def test_a_run_without_a_wakeup_is_found_by_the_sweep(register: Register) -> None:
    register(flows.ASK)

    async def scenario() -> None:
        worker = Worker()
        async with at_work(worker):
            await until(lambda: worker._swept is not None)
            row = await rows(_queue_in_silence)
            await until(lambda: WorkflowRun.objects.get(pk=row).status == "waiting")

    run_async(scenario())


def _queue_in_silence() -> Any:
    now = database_now()
    flow = flows.ASK
    return WorkflowRun.objects.create(
        workflow=flow.name, signature=flow.signature, input={}, created_at=now, wake_at=now
    ).pk


@pytest.mark.parametrize("status", ["queued", "waiting", "running"])
def test_a_sweep_finds_a_run_that_is_ready(status: str) -> None:
    past = database_now() - timedelta(seconds=1)
    row = WorkflowRun.objects.get(pk=_queue_in_silence())
    owner = "gone" if status == "running" else ""
    WorkflowRun.objects.filter(pk=row.pk).update(status=status, wake_at=past, lease_owner=owner)
    assert sweep.run_sweep("me").ready
    WorkflowRun.objects.filter(pk=row.pk).update(crash_count=2)
    assert sweep.run_sweep("me").poison


def test_a_sweep_does_not_treat_a_run_of_another_worker_as_ready() -> None:
    row = WorkflowRun.objects.get(pk=_queue_in_silence())
    soon = database_now() + timedelta(seconds=4)
    WorkflowRun.objects.filter(pk=row.pk).update(
        status="running", wake_at=soon, lease_owner="other"
    )
    assert not sweep.run_sweep("me").ready
    far = database_now() + timedelta(hours=1)  # written by a clock that was wrong
    WorkflowRun.objects.filter(pk=row.pk).update(wake_at=far)
    assert sweep.run_sweep("me").ready


@pytest.mark.usefixtures("answerable")
def test_a_sweep_applies_the_deadlines_of_overdue_requests() -> None:
    request = make_request(deadline=database_now() - timedelta(seconds=1))
    sweep.run_sweep("me")
    assert InputRequest.objects.get(pk=request.pk).status != "pending"


def test_the_other_workers_are_read_again_when_they_change() -> None:
    first = sweep.run_sweep("me")
    assert sweep.run_sweep("me", database_now(), first).builds is first.builds
    beat("other", (), LEASE)
    second = sweep.run_sweep("me", database_now(), first)
    assert second.builds is not first.builds
    assert sweep.run_sweep("me", database_now(), second).builds is second.builds
