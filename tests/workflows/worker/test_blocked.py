"""Runs that cannot be loaded or stored are blocked with an error, and do not affect other runs."""

from __future__ import annotations

import pytest

from tests.support import flows
from tests.support.worker_control import (
    Drive,
    Register,
    fresh,
    start,
)
from workflows.engine import (
    Workflow,
    registry,
)
from workflows.errors import RunBlocked
from workflows.models import JournalEntry, Snapshot, WorkflowRun, database_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]


def test_a_run_without_its_code_is_blocked_and_continues_when_the_code_is_back(
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
        request.answer({"approved": True}, by=None, source="test")
    registry.register(flows.ASK)
    drive()
    assert fresh(run).status == "waiting"
    request.answer({"approved": True}, by=None, source="test")
    drive()
    assert fresh(run).status == "completed"


def test_a_run_whose_step_was_removed_is_blocked_and_the_step_is_named(
    drive: Drive, register: Register
) -> None:
    run = start(flows.LATER)
    flows.broken.add("try_later")
    drive()
    registry.unregister("t-later")
    register(Workflow("t-later", steps=[flows.count_users]))
    WorkflowRun.objects.filter(pk=run.pk).update(wake_at=database_now())
    drive()
    assert fresh(run).status == "blocked"
    assert "no step 'try_later'" in (fresh(run).error or {})["message"]


def test_a_person_can_retry_a_blocked_run(drive: Drive) -> None:
    run = start()
    WorkflowRun.objects.filter(pk=run.pk).update(crash_count=5)
    drive()
    assert fresh(run).status == "blocked"
    fresh(run).retry()
    drive()
    assert fresh(run).status == "waiting"
    assert [one.kind for one in run.journal.order_by("seq")][:2] == ["blocked", "unblocked"]


def test_a_corrupt_snapshot_blocks_only_its_run(drive: Drive) -> None:
    run, other = start(), start()
    drive()
    Snapshot.objects.filter(run=run).update(data={"format": 1, "oops": True})
    for one in (run, other):
        one.requests.get().answer({"approved": True}, by=None, source="test")
    drive()
    assert fresh(run).status == "blocked"
    assert "snapshot is damaged" in (fresh(run).error or {})["message"]
    assert fresh(other).status == "completed"


def test_a_run_that_cannot_be_stored_does_not_affect_other_runs(drive: Drive) -> None:
    run, other = start(), start()
    JournalEntry.objects.create(run=run, seq=2, kind="forged", data={}, at=database_now())
    drive()
    assert fresh(run).status == "blocked"
    assert fresh(other).status == "waiting"
