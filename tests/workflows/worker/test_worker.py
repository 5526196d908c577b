"""Runs wait as rows, and any worker can continue them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from tests.support import flows
from workflows.engine import InvalidInput, UnknownWorkflow, Workflow
from workflows.errors import IdempotencyConflict, RequestNotPending, RunEnded, WrongState
from workflows.models import Delivery, InputRequest, JournalEntry, WorkerHeartbeat, WorkflowRun

Drive = Callable[[], None]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def known(register: Callable[[Workflow], Workflow]) -> Iterator[None]:
    for workflow in flows.ALL:
        register(workflow)
    flows.calls.clear()
    flows.keys.clear()
    yield
    flows.broken.clear()


def start(workflow: Workflow = flows.ASK) -> WorkflowRun:
    return WorkflowRun.objects.start(workflow, {})


def fresh(run: WorkflowRun) -> WorkflowRun:
    return WorkflowRun.objects.get(pk=run.pk)


def approve(request: InputRequest, *, by: User | None = None) -> None:
    request.answer({"approved": True}, by=by, source="test")


def test_a_run_waits_without_a_worker_and_completes_in_another_worker(drive: Drive) -> None:
    run = start()
    drive()
    waiting = fresh(run)
    assert (waiting.status, waiting.lease_owner, waiting.wake_at) == ("waiting", "", None)
    assert waiting.snapshots.get().seq == waiting.seq
    request = waiting.requests.get()
    assert str(request.pk) == request.request_id
    alice = User.objects.create_user("alice")
    approve(request, by=alice)
    assert fresh(run).status == "queued"
    drive()
    done = fresh(run)
    assert done.status == "completed"
    assert done.result == {"approved": True, "asked": "Go on?", "by": "alice"}
    assert done.finished_at is not None
    assert Delivery.objects.get().applied_seq == 3
    assert flows.calls == {"ask": 1, "finish": 1}


def test_the_journal_numbers_every_transition_once(drive: Drive) -> None:
    run = start()
    drive()
    approve(run.requests.get())
    drive()
    entries = list(JournalEntry.objects.filter(run=run).order_by("seq"))
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.kind for entry in entries] == [
        "started", "step_completed", "answered", "step_completed", "completed",
    ]  # fmt: skip
    assert fresh(run).seq == 5


def test_parallel_requests_are_answered_in_any_order(drive: Drive) -> None:
    run = start(flows.PARTS)
    drive()
    requests = {one.request_id: one for one in run.requests.all()}
    assert sorted(requests) == ["part-0", "part-1", "part-2"]
    for name, verdict in (("part-2", True), ("part-0", False), ("part-1", True)):
        requests[name].answer({"approved": verdict}, by=None, source="test")
        drive()
    assert fresh(run).result == {"2": True, "0": False, "1": True}
    assert flows.calls == {"ask_part": 3, "take_part": 3}


def test_a_def_step_may_use_the_orm(drive: Drive) -> None:
    User.objects.create_user("alice")
    run = start(flows.ORM)
    drive()
    assert fresh(run).result == 1


def test_a_failing_step_is_tried_again_with_the_same_key_then_fails_the_run(drive: Drive) -> None:
    flows.broken.add("count_users")
    run = start(flows.ORM)
    drive()
    failed = fresh(run)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error["message"] == "count_users is broken"
    assert "ValueError" in failed.error["traceback"]
    assert flows.calls["count_users"] == 3
    assert len(set(flows.keys)) == 1
    flows.broken.clear()
    failed.retry()
    drive()
    assert fresh(run).status == "completed"
    assert len(set(flows.keys)) == 1


def test_a_failure_closes_requests_and_a_retry_reopens_them_with_the_same_ids(drive: Drive) -> None:
    run = start(flows.PARTS)
    drive()
    flows.broken.add("take_part")
    approve(run.requests.get(request_id="part-0"))
    drive()
    assert fresh(run).status == "failed"
    closed = run.requests.get(request_id="part-1")
    assert closed.status == "cancelled"
    with pytest.raises(RunEnded):
        approve(closed)
    flows.broken.clear()
    fresh(run).retry()
    drive()
    assert run.requests.pending().count() == 2
    for request in run.requests.pending():
        approve(request)
    drive()
    assert fresh(run).result == {"0": True, "1": True, "2": True}
    assert flows.calls["ask_part"] == 3


def test_a_run_that_waits_for_a_retry_is_suspended_until_it_is_due(drive: Drive) -> None:
    flows.broken.add("try_later")
    run = start(flows.LATER)
    drive()
    suspended = fresh(run)
    assert suspended.status == "waiting"
    assert suspended.wake_at is not None
    assert suspended.wake_at > suspended.created_at + timedelta(minutes=59)
    drive()
    assert flows.calls["try_later"] == 1


def test_a_cancelled_run_takes_no_answer(drive: Drive) -> None:
    run = start()
    drive()
    request = run.requests.get()
    fresh(run).cancel()
    assert fresh(run).status == "cancelled"
    request.refresh_from_db()
    assert request.status == "cancelled"
    with pytest.raises(RunEnded):
        approve(request)
    with pytest.raises(RunEnded):
        fresh(run).cancel()
    assert not Delivery.objects.exists()


def test_a_paused_run_keeps_its_answers(drive: Drive) -> None:
    run = start()
    drive()
    fresh(run).pause()
    approve(run.requests.get())
    drive()
    assert fresh(run).status == "paused"
    assert flows.calls["finish"] == 0
    fresh(run).resume()
    drive()
    assert fresh(run).status == "completed"
    kinds = run.journal.order_by("seq").values_list("kind", flat=True)
    assert list(kinds)[2:5] == ["paused", "resumed", "answered"]


def test_a_run_may_be_paused_before_it_began(drive: Drive) -> None:
    run = start()
    run.pause()
    drive()
    assert fresh(run).status == "paused"
    assert not flows.calls
    run.resume()
    drive()
    assert fresh(run).status == "waiting"


def test_the_error_of_an_impossible_action_names_the_status(drive: Drive) -> None:
    run = start()
    drive()
    with pytest.raises(WrongState, match="waiting; it cannot be resumed"):
        fresh(run).resume()
    with pytest.raises(WrongState, match="waiting; it cannot be retried"):
        fresh(run).retry()
    fresh(run).pause()
    with pytest.raises(WrongState, match="paused; it cannot be paused"):
        fresh(run).pause()
    before = fresh(run).seq
    assert fresh(run).seq == before


def test_an_answer_counts_once(drive: Drive) -> None:
    run = start()
    drive()
    request = run.requests.get()
    approve(request)
    with pytest.raises(RequestNotPending, match="answered"):
        approve(request)
    assert Delivery.objects.count() == 1
    assert fresh(run).delivery_count == 1


def test_an_overdue_request_expires_and_fails_its_run(drive: Drive) -> None:
    run = start(flows.DEADLINE)
    drive()
    request = run.requests.get()
    assert request.deadline is not None
    assert abs(request.deadline - request.created_at - timedelta(hours=1)) < timedelta(minutes=1)
    InputRequest.objects.update(deadline=request.created_at, created_at=request.created_at)
    with pytest.raises(RequestNotPending, match="expired"):
        approve(request)
    drive()
    failed = fresh(run)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error["kind"] == "RequestExpired"
    request.refresh_from_db()
    assert request.status == "expired"


def test_the_same_key_gives_the_same_run_and_another_input_an_error() -> None:
    def begin(text: str) -> WorkflowRun:
        return WorkflowRun.objects.start(flows.ASK, {"text": text}, idempotency_key="k")

    first = begin("x")
    assert begin("x").pk == first.pk
    with pytest.raises(IdempotencyConflict, match="'k'"):
        begin("y")
    assert WorkflowRun.objects.count() == 1


@pytest.mark.parametrize(("first", "other"), [(1, True), (1, 1.0), (0.0, -0.0)])
def test_inputs_of_different_types_are_different(first: Any, other: Any) -> None:
    def begin(value: Any) -> WorkflowRun:
        return WorkflowRun.objects.start(flows.ASK, {"n": value}, idempotency_key="k")

    assert begin(first).pk == begin(first).pk
    with pytest.raises(IdempotencyConflict):
        begin(other)


def test_a_bad_start_writes_nothing(register: Callable[[Workflow], Workflow]) -> None:
    with pytest.raises(UnknownWorkflow, match="'nothing'"):
        WorkflowRun.objects.start("nothing", {})
    with pytest.raises(InvalidInput):
        WorkflowRun.objects.start("expenses", {"claims": ""})
    with pytest.raises(InvalidInput, match="NUL"):
        WorkflowRun.objects.start(flows.ASK, {"text": "a\x00b"})
    assert not WorkflowRun.objects.exists()


def test_a_start_is_part_of_the_callers_transaction(drive: Drive) -> None:
    with transaction.atomic():
        start()
        transaction.set_rollback(True)
    drive()
    assert not WorkflowRun.objects.exists()


def test_the_row_of_a_worker_is_deleted_when_it_ends(drive: Drive) -> None:
    drive()
    assert not WorkerHeartbeat.objects.exists()
