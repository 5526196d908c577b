"""Random actions of people, workers and crashes: the rows are those that the engine computes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from approvals import actions
from approvals.errors import AlreadyAnswered, Closed
from approvals.models import Decision
from tests.support import reference_model
from tests.support.factories import make_reviewer, registered
from tests.support.reference_model import ReferenceRun, comparable
from workflows.errors import RunEnded, WrongState
from workflows.models import InputRequest, WorkflowRun, database_now
from workflows.worker import Worker, snapshot_of
from workflows.worker.commit import store
from workflows.worker.loading import loader
from workflows.worker.loading.replay import fold

LONG = os.environ.get("SOAK") == "1"
LEASE = timedelta(hours=1)  # so long that no lease expires by itself
SECOND = timedelta(seconds=1)
MAX_RUNS = 2  # at once
PEOPLE = ("alice", "bob")
PICK = st.integers(0, 5)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.soak]


class RowsAndReference(RuleBasedStateMachine):
    """Does each action on the rows and on the reference runs, and compares them afterwards."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.references: dict[Any, ReferenceRun] = {}
        reference_model.broken.clear()

    def teardown(self) -> None:
        """Cancel open runs, so that they do not affect the next example."""
        for run in WorkflowRun.objects.filter(pk__in=self.references, status__in=WorkflowRun.OPEN):
            run.cancel()

    # What people do

    @precondition(lambda self: len(self.references) < MAX_RUNS)
    @rule(target=runs)
    def start(self) -> Any:
        run = WorkflowRun.objects.start(reference_model.WORKFLOW, {})
        self.references[run.pk] = ReferenceRun()
        return run.pk

    @rule(pk=runs, pick=PICK, by=st.sampled_from(PEOPLE), approved=st.booleans())
    def answer(self, pk: Any, pick: int, by: str, approved: bool) -> None:
        """Answer a request, whether that is still possible or not."""
        requests = self.references[pk].requests
        if not requests:
            return
        key = sorted(requests)[pick % len(requests)]
        asked = requests[key]
        request = InputRequest.objects.get(run=pk, request_id=key)
        user = User.objects.get(username=by)

        def decide() -> actions.Outcome:
            return actions.decide(user, request.pk, {"approved": approved}, source="test")

        if asked.status == "pending":
            assert not decide().again
            self.references[pk].answer(key, by, approved)
        elif (asked.status, asked.by, asked.approved) == ("answered", by, approved):
            assert decide().again
        else:
            with pytest.raises(AlreadyAnswered if asked.status == "answered" else Closed):
                decide()

    @rule(pk=runs)
    def pause(self, pk: Any) -> None:
        self._control(pk, {"queued", "waiting", "running"}, WorkflowRun.pause, ReferenceRun.pause)

    @rule(pk=runs)
    def resume(self, pk: Any) -> None:
        self._control(pk, {"paused", "running"}, WorkflowRun.resume, ReferenceRun.resume)

    @rule(pk=runs)
    def retry(self, pk: Any) -> None:
        self._control(pk, {"failed"}, WorkflowRun.retry, ReferenceRun.retry)

    @rule(pk=runs, sure=st.integers(0, 3))
    def cancel(self, pk: Any, sure: int) -> None:
        if sure == 3:  # otherwise too few runs would do other actions
            states = {"queued", "waiting", "running", "paused"}
            self._control(pk, states, WorkflowRun.cancel, ReferenceRun.cancel)

    def _control(
        self,
        pk: Any,
        sources: set[str],
        verb: Callable[[WorkflowRun], None],
        same: Callable[[ReferenceRun], None],
    ) -> None:
        run = WorkflowRun.objects.get(pk=pk)
        if self.references[pk].status in sources:
            verb(run)
            same(self.references[pk])
        else:
            with pytest.raises(RunEnded if self.references[pk].ended else WrongState):
                verb(run)

    # Time

    @rule(pk=runs, pick=PICK)
    def sweep(self, pk: Any, pick: int) -> None:
        """Make a pending request overdue, and expire it."""
        pending = InputRequest.objects.pending().filter(run=pk).order_by("request_id")
        if not pending:
            return
        request, now = pending[pick % len(pending)], database_now()
        begun = {"created_at": now - LEASE, "deadline": now - SECOND}
        InputRequest.objects.filter(pk=request.pk).update(**begun)
        assert list(InputRequest.objects.overdue(now)) == [request]
        request.expire(now)
        self.references[pk].expire(request.request_id)

    @rule(step=st.sampled_from(["ask", "chore", "take"]))
    def break_or_repair(self, step: str) -> None:
        """Make the step raise, or stop raising."""
        reference_model.broken.symmetric_difference_update({step})

    # What workers do

    @rule()
    def drive(self) -> None:
        asyncio.run(Worker().run_until_idle())
        for one in self.references.values():
            one.drive()

    @rule()
    def crash_before_any_step_begins(self) -> None:
        for loaded in self._leased():
            self.references[loaded.row.pk].lease(begins=False)
        self._expire_leases()

    @rule()
    def crash_before_the_first_commit(self) -> None:
        self._mark_started(leased := self._leased())
        for loaded in leased:
            self.references[loaded.row.pk].lease()
        self._expire_leases()

    @rule()
    def crash_after_the_first_commit(self) -> None:
        """The deliveries are applied and steps have begun, but no result of a step is stored."""
        leased = self._leased()

        async def commit() -> None:
            worker = Worker()
            writes = [worker.activate(one).build_update(database_now_of(leased)) for one in leased]
            done = await worker.database.call(store.store, writes)
            await worker.database.close()
            assert len(done.done) == len(leased)

        if leased:
            asyncio.run(commit())
        self._mark_started(leased)
        for loaded in leased:
            self.references[loaded.row.pk].begin()
        self._expire_leases()

    def _leased(self) -> list[loader.LeasedRun]:
        expected = {
            pk
            for pk, one in self.references.items()
            if one.status in ("queued", "running") and one.crash_count < 2
        }
        loaded = loader.lease_and_load(
            "doomed", limit=10, duration=LEASE, holding=(), poison=False
        )[1]
        assert {one.row.pk for one in loaded} == expected
        return loaded

    def _mark_started(self, leased: list[loader.LeasedRun]) -> None:
        """Record that steps of these runs begin, as a worker does."""
        WorkflowRun.objects.mark_started([one.row for one in leased])

    def _expire_leases(self) -> None:
        """Make the leases expire, as if the worker had crashed long ago."""
        held = WorkflowRun.objects.filter(lease_owner="doomed", status="running")
        held.update(wake_at=database_now() - SECOND)

    # Comparison

    @invariant()
    def the_rows_are_those_of_the_engine(self) -> None:
        for run in WorkflowRun.objects.filter(pk__in=self.references):
            self._compare(run, self.references[run.pk])

    def _compare(self, run: WorkflowRun, one: ReferenceRun) -> None:
        assert (run.status, run.crash_count) == (one.status, one.crash_count)
        entries = list(run.journal.order_by("seq"))
        assert [(entry.kind, entry.step) for entry in entries] == one.journal
        assert [entry.seq for entry in entries] == list(range(1, run.seq + 1))
        folded = fold(None, entries)
        assert comparable(folded) == one.state()
        assert comparable(snapshot_of(run).state()) == one.state()
        assert run.result == one.machine.state.result
        rows = {
            row.request_id: (row.status, row.response)
            for row in InputRequest.objects.filter(run=run)
        }
        assert rows == {
            key: (asked.status, asked.by and {"approved": asked.approved} or None)
            for key, asked in one.requests.items()
        }
        decided = Decision.objects.filter(request__run=run).values_list(
            "request__request_id", "by__username"
        )
        assert dict(decided) == {key: asked.by for key, asked in one.requests.items() if asked.by}
        waiting = run.deliveries.filter(applied_seq=None).order_by("pk")
        assert [(mail.kind, mail.data.get("request_id", "")) for mail in waiting] == [
            (mail.kind, mail.request_id) for mail in one.deliveries
        ]


def database_now_of(leased: list[loader.LeasedRun]) -> Any:
    """Return the time at which these runs were leased."""
    assert leased[0].row.wake_at is not None
    return leased[0].row.wake_at - LEASE


@pytest.fixture(autouse=True)
def people(transactional_db: None) -> Iterator[None]:
    for name in PEOPLE:
        make_reviewer(name)
    with registered(reference_model.WORKFLOW):
        yield


def test_an_answer_that_waits_while_its_run_fails_is_applied_after_a_retry() -> None:
    """One request expires and another is answered before a worker loads the run."""
    both = RowsAndReference()
    run = WorkflowRun.objects.start(reference_model.WORKFLOW, {})
    both.references[run.pk] = ReferenceRun()
    both.drive()
    both.sweep(run.pk, 0)
    both.answer(run.pk, 1, "alice", True)
    both.drive()
    assert both.references[run.pk].status == "failed"
    both.retry(run.pk)
    both.answer(run.pk, 0, "bob", True)
    both.drive()
    both.answer(run.pk, 0, "bob", True)
    both.drive()
    both.the_rows_are_those_of_the_engine()
    assert both.references[run.pk].status == "completed"


def test_any_interleaving_gives_the_rows_of_the_engine() -> None:
    often = settings(
        max_examples=300 if LONG else 12,
        stateful_step_count=50 if LONG else 30,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    run_state_machine_as_test(RowsAndReference, settings=often)
