"""Old and new code side by side: what a worker takes up, what it leaves, what is blocked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from tests.support import flows
from workflows import models
from workflows.engine import Workflow, registry
from workflows.models import WorkflowRun, database_now
from workflows.worker import Worker, code_versions, heartbeat
from workflows.worker.code_versions import Signatures, build_id, workflow_signatures
from workflows.worker.loading import loader

LEASE = timedelta(seconds=5)
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]

Register = Callable[[Workflow], Workflow]

# Two versions of one workflow: what waits for its retry in the one has no step in the other.
LATER = flows.LATER
CHANGED = Workflow(LATER.name, steps=[flows.count_users])


def run_code(workflow: Workflow) -> None:
    """Let this process have this version of a workflow."""
    registry.unregister(workflow.name)
    registry.register(workflow)


def beside(
    name: str, signatures: Signatures, *, silent: timedelta = timedelta(0)
) -> models.WorkerHeartbeat:
    """Another worker, which knows these workflows."""
    seen = database_now() - silent
    return models.WorkerHeartbeat.objects.create(
        pk=name, signatures=signatures, started_at=seen, seen_at=seen
    )


def version(workflow: Workflow) -> Signatures:
    """What a worker knows that has this version and is otherwise like this one."""
    return workflow_signatures() | {workflow.name: workflow.signature}


def take(owner: str = "me") -> list[loader.LeasedRun]:
    return loader.lease_and_load(owner, limit=10, duration=LEASE, holding=(), poison=False)[1]


def fresh(run: WorkflowRun) -> WorkflowRun:
    return WorkflowRun.objects.get(pk=run.pk)


def drive() -> None:
    asyncio.run(Worker().run_until_idle())
    connections.close_all()


def some_parked(count: int) -> list[WorkflowRun]:
    """Runs that only `LATER` can load, and that are due."""
    runs = [WorkflowRun.objects.start(LATER, {}) for _ in range(count)]
    flows.broken.add("try_later")
    drive()
    WorkflowRun.objects.filter(status="waiting").update(wake_at=database_now())
    return runs


def parked_for_a_retry() -> WorkflowRun:
    return some_parked(1)[0]


def test_a_run_of_a_workflow_that_only_others_know_is_left_to_them() -> None:
    foreign = WorkflowRun.objects.start(flows.ASK, {})
    run = WorkflowRun.objects.start(flows.ORM, {})
    beside("new", workflow_signatures())
    registry.unregister(flows.ASK.name)
    assert [one.row.pk for one in take()] == [run.pk]
    assert (fresh(foreign).status, fresh(foreign).fence) == ("queued", 0)


def test_a_run_of_a_workflow_that_nobody_alive_knows_is_blocked_with_a_sentence() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    beside("dead", workflow_signatures(), silent=timedelta(seconds=11))
    registry.unregister(flows.ASK.name)
    beside("as ignorant", workflow_signatures())
    assert take() == []
    assert fresh(run).status == "blocked"
    assert "'t-ask'" in (fresh(run).error or {})["message"]


def test_a_run_that_this_code_cannot_load_is_given_back_to_code_that_may() -> None:
    run = parked_for_a_retry()
    beside("old", version(LATER))
    run_code(CHANGED)
    assert take() == []
    given_back = fresh(run)
    assert (given_back.status, given_back.crash_count, given_back.error) == ("queued", 0, None)
    assert take() == []
    assert fresh(run).fence == given_back.fence  # it was not even leased again
    run_code(LATER)
    assert [one.row.pk for one in take("old")] == [run.pk]


def test_many_runs_are_given_back_in_as_few_queries_as_one() -> None:
    some_parked(6)
    beside("old", version(LATER))
    run_code(CHANGED)
    counts = []
    for limit in (1, 5):
        with CaptureQueriesContext(connection) as queries:
            loader.lease_and_load("me", limit=limit, duration=LEASE, holding=(), poison=False)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert set(WorkflowRun.objects.values_list("status", flat=True)) == {"queued"}
    assert not WorkflowRun.objects.filter(incompatible_builds="").exists()


def test_a_run_that_all_live_code_has_refused_is_blocked_by_the_last() -> None:
    run = parked_for_a_retry()
    other = Workflow(LATER.name, steps=[flows.ask, flows.finish])
    run_code(CHANGED)
    beside("other", version(other))
    assert take() == []
    assert fresh(run).status == "queued"
    run_code(other)
    models.WorkerHeartbeat.objects.all().delete()
    beside("changed", version(CHANGED))
    assert take() == []
    assert fresh(run).status == "blocked"
    assert "no step 'try_later'" in (fresh(run).error or {})["message"]
    assert fresh(run).incompatible_builds == ""


def test_a_refused_run_is_blocked_when_the_code_that_might_have_loaded_it_is_gone() -> None:
    run = parked_for_a_retry()
    old = beside("old", version(LATER))
    run_code(CHANGED)
    take()
    assert fresh(run).status == "queued"
    old.delete()
    take()
    assert fresh(run).status == "blocked"


def test_progress_clears_what_was_refused() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    drive()
    old = beside("old", workflow_signatures())
    run.requests.get().answer({"approved": True}, by=None, source="test")
    run_code(Workflow(flows.ASK.name, steps=[flows.count_users]))
    take()
    assert (fresh(run).status, fresh(run).incompatible_builds) == (
        "queued",
        f"{build_id(workflow_signatures())} ",
    )
    run_code(flows.ASK)
    old.delete()
    drive()
    assert (fresh(run).status, fresh(run).incompatible_builds) == ("completed", "")


def test_a_poison_run_of_other_code_does_not_delay_other_runs() -> None:
    poison_run = WorkflowRun.objects.start(flows.ASK, {})
    WorkflowRun.objects.filter(pk=poison_run.pk).update(crash_count=3)
    beside("new", workflow_signatures())
    registry.unregister(flows.ASK.name)
    run = WorkflowRun.objects.start(flows.ORM, {})
    drive()
    assert fresh(run).status == "completed"
    assert fresh(poison_run).status == "queued"


def test_a_run_that_crashes_its_workers_is_blocked_beside_other_workers() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    WorkflowRun.objects.filter(pk=run.pk).update(crash_count=5)
    beside("new", workflow_signatures() | {"t-new": "1"})
    loader.lease_and_load("me", limit=1, duration=LEASE, holding=(), poison=True)
    assert "active on 5 workers" in (fresh(run).error or {})["message"]


def test_the_row_of_a_worker_lists_its_workflows() -> None:
    heartbeat.beat("me", (), LEASE)
    assert models.WorkerHeartbeat.objects.get(pk="me").signatures["t-ask"] == flows.ASK.signature


def test_other_code_that_starts_tries_what_was_blocked() -> None:
    run = parked_for_a_retry()
    run_code(CHANGED)
    take()
    assert fresh(run).status == "blocked"
    run_code(LATER)
    assert code_versions.unblock_changed() == 1
    assert [one.row.pk for one in take()] == [run.pk]
