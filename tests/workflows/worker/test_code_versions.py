"""Workers with old and new code: which runs a worker leases, leaves to others, or blocks."""

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

# Two versions of one workflow. A retry that waits in one version has no step in the other.
LATER = flows.LATER
CHANGED = Workflow(LATER.name, steps=[flows.count_users])


def run_code(workflow: Workflow) -> None:
    """Register this version of a workflow in this process."""
    registry.unregister(workflow.name)
    registry.register(workflow)


def other_worker(
    name: str, signatures: Signatures, *, silent: timedelta = timedelta(0)
) -> models.WorkerHeartbeat:
    """Make the row of another worker, which has these workflows."""
    seen = database_now() - silent
    return models.WorkerHeartbeat.objects.create(
        pk=name, signatures=signatures, started_at=seen, seen_at=seen
    )


def version(workflow: Workflow) -> Signatures:
    """Return the signatures of a worker that has this version, and is otherwise like this one."""
    return workflow_signatures() | {workflow.name: workflow.signature}


def take(owner: str = "me") -> list[loader.LeasedRun]:
    return loader.lease_and_load(owner, limit=10, duration=LEASE, holding=(), poison=False)[1]


def fresh(run: WorkflowRun) -> WorkflowRun:
    return WorkflowRun.objects.get(pk=run.pk)


def drive() -> None:
    asyncio.run(Worker().run_until_idle())
    connections.close_all()


def some_waiting(count: int) -> list[WorkflowRun]:
    """Make runs that only `LATER` can load, and that are due."""
    runs = [WorkflowRun.objects.start(LATER, {}) for _ in range(count)]
    flows.broken.add("try_later")
    drive()
    WorkflowRun.objects.filter(status="waiting").update(wake_at=database_now())
    return runs


def waiting_for_a_retry() -> WorkflowRun:
    return some_waiting(1)[0]


def test_a_run_is_left_to_workers_that_have_its_workflow() -> None:
    foreign = WorkflowRun.objects.start(flows.ASK, {})
    run = WorkflowRun.objects.start(flows.ORM, {})
    other_worker("new", workflow_signatures())
    registry.unregister(flows.ASK.name)
    assert [one.row.pk for one in take()] == [run.pk]
    assert (fresh(foreign).status, fresh(foreign).fence) == ("queued", 0)


def test_a_run_is_blocked_if_no_live_worker_has_its_workflow() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    other_worker("dead", workflow_signatures(), silent=timedelta(seconds=11))
    registry.unregister(flows.ASK.name)
    other_worker("as ignorant", workflow_signatures())
    assert take() == []
    assert fresh(run).status == "blocked"
    assert "'t-ask'" in (fresh(run).error or {})["message"]


def test_a_run_that_this_code_cannot_load_is_given_back_to_code_that_may() -> None:
    run = waiting_for_a_retry()
    other_worker("old", version(LATER))
    run_code(CHANGED)
    assert take() == []
    given_back = fresh(run)
    assert (given_back.status, given_back.crash_count, given_back.error) == ("queued", 0, None)
    assert take() == []
    assert fresh(run).fence == given_back.fence  # it was not leased again
    run_code(LATER)
    assert [one.row.pk for one in take("old")] == [run.pk]


def test_giving_back_many_runs_needs_as_few_queries_as_one() -> None:
    some_waiting(6)
    other_worker("old", version(LATER))
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
    run = waiting_for_a_retry()
    other = Workflow(LATER.name, steps=[flows.ask, flows.finish])
    run_code(CHANGED)
    other_worker("other", version(other))
    assert take() == []
    assert fresh(run).status == "queued"
    run_code(other)
    models.WorkerHeartbeat.objects.all().delete()
    other_worker("changed", version(CHANGED))
    assert take() == []
    assert fresh(run).status == "blocked"
    assert "no step 'try_later'" in (fresh(run).error or {})["message"]
    assert fresh(run).incompatible_builds == ""


def test_a_refused_run_is_blocked_when_no_worker_is_left_that_could_load_it() -> None:
    run = waiting_for_a_retry()
    old = other_worker("old", version(LATER))
    run_code(CHANGED)
    take()
    assert fresh(run).status == "queued"
    old.delete()
    take()
    assert fresh(run).status == "blocked"


def test_progress_deletes_the_refusals() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    drive()
    old = other_worker("old", workflow_signatures())
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
    other_worker("new", workflow_signatures())
    registry.unregister(flows.ASK.name)
    run = WorkflowRun.objects.start(flows.ORM, {})
    drive()
    assert fresh(run).status == "completed"
    assert fresh(poison_run).status == "queued"


def test_a_run_that_crashes_its_workers_is_blocked_while_others_live() -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    WorkflowRun.objects.filter(pk=run.pk).update(crash_count=5)
    other_worker("new", workflow_signatures() | {"t-new": "1"})
    loader.lease_and_load("me", limit=1, duration=LEASE, holding=(), poison=True)
    assert "active on 5 workers" in (fresh(run).error or {})["message"]


def test_the_row_of_a_worker_lists_its_workflows() -> None:
    heartbeat.beat("me", (), LEASE)
    assert models.WorkerHeartbeat.objects.get(pk="me").signatures["t-ask"] == flows.ASK.signature


def test_a_worker_with_other_code_retries_blocked_runs_when_it_starts() -> None:
    run = waiting_for_a_retry()
    run_code(CHANGED)
    take()
    assert fresh(run).status == "blocked"
    run_code(LATER)
    assert code_versions.unblock_changed() == 1
    assert [one.row.pk for one in take()] == [run.pk]
