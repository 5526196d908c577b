"""A short outage of the database delays runs, and no run is blamed for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests.support import flows
from tests.support.worker_control import (
    Drive,
    at_work,
    begin,
    fresh,
    lapse,
    lease,
    rows,
    run_async,
    start,
    until,
)
from tests.workflows.observability.test_metrics import value
from workflows.models import WorkflowRun
from workflows.worker import Worker
from workflows.worker.active_run import ActiveRun
from workflows.worker.commit import store
from workflows.worker.sweep.stray_leases import MAX_EXCUSES, StrayLeases

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]

COUNT = 20
LOADS, STORES = "FROM workflows_delivery", "workflows_journalentry"


class FailingStatements:
    """Wraps the worker's connection, and fails the first statements that contain a text."""

    def __init__(self, text: str, times: int) -> None:
        self.text = text
        self.left = times
        self.seen: list[str] = []

    async def install(self, worker: Worker) -> None:
        await worker.database.call(lambda: connection.execute_wrappers.append(self))

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        self.seen.append(sql)
        if self.text in sql and self.left:
            self.left -= 1
            raise OperationalError("the database went away")
        return execute(sql, *rest)


def answered(count: int) -> list[WorkflowRun]:
    """Return runs with a pending delivery, which is read when they are loaded."""
    found = [start() for _ in range(count)]
    asyncio.run(Worker().run_until_idle())
    for run in found:
        run.requests.get().answer({"approved": True}, by=None, source="test")
    return found


def ended(found: list[WorkflowRun]) -> Callable[[], bool]:
    ids = [run.pk for run in found]
    return lambda: WorkflowRun.objects.filter(pk__in=ids, status="completed").count() == len(ids)


@pytest.mark.parametrize("text", [LOADS, STORES], ids=["while loading", "while storing"])
def test_two_database_errors_do_not_make_a_run_poison(text: str, drive: Drive) -> None:
    found, before = answered(COUNT), value("blazen_takeovers_total")

    async def scenario() -> None:
        worker, failing = Worker(), FailingStatements(text, times=2)
        await failing.install(worker)
        async with at_work(worker):
            await until(ended(found))
        assert failing.left == 0

    run_async(scenario())
    assert value("blazen_takeovers_total") == before, "no lease expired"
    assert {fresh(run).crash_count for run in found} == {0}


def test_a_lease_of_unknown_outcome_is_given_back() -> None:
    run, other = start(), start()
    WorkflowRun.objects.lease("me", limit=1, duration=Worker().lease, holding=[other.pk])
    lease("another")
    strays = StrayLeases("me")
    strays.give_back(holding=())
    assert (fresh(run).status, fresh(run).lease_owner, fresh(run).crash_count) == ("queued", "", 0)
    assert fresh(other).lease_owner == "another"


def test_an_active_run_is_not_given_back() -> None:
    held, stray = start(), start()
    assert len(lease("me")) == 2
    StrayLeases("me").give_back(holding=[held.pk])
    assert (fresh(held).status, fresh(stray).status) == ("running", "queued")


def test_a_run_at_which_the_database_fails_each_time_is_counted_in_the_end() -> None:
    run, strays = start(), StrayLeases("me")
    for _ in range(MAX_EXCUSES):
        lease("me")
        strays.give_back(holding=())
        assert fresh(run).status == "queued"
    lease("me")
    strays.give_back(holding=())
    assert fresh(run).status == "running", "its lease expires, as if the run had crashed its worker"
    lapse(run)
    lease("another")
    assert fresh(run).crash_count == 1


def test_database_errors_are_counted_anew_after_progress() -> None:
    run, strays = start(), StrayLeases("me")
    for _ in range(MAX_EXCUSES * 3):
        lease("me")
        strays.give_back(holding=())
        strays.got_on(run.pk)
        assert fresh(run).status == "queued"


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), OperationalError("away")])
def test_only_connection_errors_are_not_counted(error: Exception) -> None:
    strays = StrayLeases("me")
    strays.note(error)
    assert strays.expected is isinstance(error, OperationalError)


# Takeovers


def test_a_run_that_a_worker_gave_back_is_not_taken_over() -> None:
    run = start()
    lease("dead")
    lapse(run)
    before = value("blazen_takeovers_total")
    leased = lease("second")
    assert value("blazen_takeovers_total") == before + 1
    begin(leased)
    for owner in ("third", "fourth"):
        store.release(fresh(run).lease_owner, [run.pk])
        assert len(lease(owner)) == 1
        assert fresh(run).crash_count == 1, "the count is kept"
    assert value("blazen_takeovers_total") == before + 1


def test_a_lease_that_expired_before_any_step_began_is_a_takeover_too() -> None:
    run = start()
    lease("dead")
    before = value("blazen_takeovers_total")
    for n in range(2):
        lapse(run)
        assert len(lease(f"worker {n}")) == 1
    assert fresh(run).crash_count == 1
    assert value("blazen_takeovers_total") == before + 2


def test_a_worker_that_drains_leaves_no_run_to_take_over() -> None:
    found, before = [start(flows.ASK) for _ in range(3)], value("blazen_takeovers_total")

    async def scenario() -> None:
        for _ in range(2):
            worker = Worker()
            async with at_work(worker):
                await until(lambda: not WorkflowRun.objects.filter(status="queued").exists())

    run_async(scenario())
    assert {fresh(run).status for run in found} == {"waiting"}
    assert value("blazen_takeovers_total") == before


# Progress


async def active_run(worker: Worker) -> ActiveRun:
    [loaded] = await rows(lambda: lease(worker.id))
    active = worker.activate(loaded)
    return active


async def text_of(active: ActiveRun) -> str:
    progress = await rows(lambda: WorkflowRun.objects.get(pk=active.id).progress)
    return str((progress or {}).get("text"))


def test_progress_reported_during_a_poll_is_stored_by_the_next_poll() -> None:
    start()

    async def scenario() -> None:
        worker, leave = Worker(), threading.Event()
        active = await active_run(worker)
        active.progress(0.1, "one")
        keeping = asyncio.create_task(worker.database.call(leave.wait, 20))
        looking = asyncio.create_task(worker.active.fetch_mailbox())
        await asyncio.sleep(0)  # the poll waits for the database thread now
        active.progress(0.2, "two")
        leave.set()
        await asyncio.gather(keeping, looking)
        assert await text_of(active) == "one"
        await worker.active.fetch_mailbox()
        assert await text_of(active) == "two"
        await worker.database.close()

    run_async(scenario())


def test_progress_that_could_not_be_stored_is_stored_later() -> None:
    start()

    async def scenario() -> None:
        worker, failing = Worker(), FailingStatements('SET "progress"', times=1)
        active = await active_run(worker)
        await failing.install(worker)
        active.progress(0.1, "one")
        with pytest.raises(OperationalError):
            await worker.active.fetch_mailbox()
        await worker.active.fetch_mailbox()
        assert await text_of(active) == "one"
        await worker.database.close()

    run_async(scenario())


@pytest.mark.parametrize("first", ["a commit", "a poll"])
def test_progress_is_stored_once(first: str) -> None:
    start()

    async def scenario() -> None:
        worker, statements = Worker(), FailingStatements('SET "progress"', times=0)
        active = await active_run(worker)
        active.progress(0.5, "half")
        if first == "a commit":
            write = active.build_update(worker.active.clock.now())
            assert (await worker.database.call(store.store, [write])).done
            active.stored(write)
        else:
            await worker.active.fetch_mailbox()
        assert await text_of(active) == "half"
        await statements.install(worker)
        await worker.active.fetch_mailbox()
        assert not [one for one in statements.seen if statements.text in one]
        await worker.database.close()

    run_async(scenario())
