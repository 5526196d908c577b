"""Random interleavings of people, workers and crashes: the rows are what the pure engine says."""

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
from tests.support.reference_model import Twin, comparable
from workflows.errors import RunEnded, WrongState
from workflows.models import InputRequest, WorkflowRun, database_now
from workflows.worker import Worker, snapshot_of
from workflows.worker.commit import store
from workflows.worker.loading import loader
from workflows.worker.loading.replay import fold

LONG = os.environ.get("SOAK") == "1"
LEASE = timedelta(hours=1)  # no lease ends by itself
SECOND = timedelta(seconds=1)
MOST = 2  # runs at once
PEOPLE = ("alice", "bob")
PICK = st.integers(0, 5)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.soak]


class Worlds(RuleBasedStateMachine):
    """Does each thing to the rows and to the twins, and compares them after each."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.twins: dict[Any, Twin] = {}
        reference_model.broken.clear()

    def teardown(self) -> None:
        """Leave nothing that the next example could trip over."""
        for run in WorkflowRun.objects.filter(pk__in=self.twins, status__in=WorkflowRun.OPEN):
            run.cancel()

    # What people do

    @precondition(lambda self: len(self.twins) < MOST)
    @rule(target=runs)
    def start(self) -> Any:
        run = WorkflowRun.objects.start(reference_model.WORKFLOW, {})
        self.twins[run.pk] = Twin()
        return run.pk

    @rule(pk=runs, pick=PICK, by=st.sampled_from(PEOPLE), approved=st.booleans())
    def answer(self, pk: Any, pick: int, by: str, approved: bool) -> None:
        """Answer a request, whether that is still possible or not."""
        requests = self.twins[pk].requests
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
            self.twins[pk].answer(key, by, approved)
        elif (asked.status, asked.by, asked.approved) == ("answered", by, approved):
            assert decide().again
        else:
            with pytest.raises(AlreadyAnswered if asked.status == "answered" else Closed):
                decide()

    @rule(pk=runs)
    def pause(self, pk: Any) -> None:
        self._control(pk, {"queued", "waiting", "running"}, WorkflowRun.pause, Twin.pause)

    @rule(pk=runs)
    def resume(self, pk: Any) -> None:
        self._control(pk, {"paused", "running"}, WorkflowRun.resume, Twin.resume)

    @rule(pk=runs)
    def retry(self, pk: Any) -> None:
        self._control(pk, {"failed"}, WorkflowRun.retry, Twin.retry)

    @rule(pk=runs, sure=st.integers(0, 3))
    def cancel(self, pk: Any, sure: int) -> None:
        if sure == 3:  # else too few runs would see anything else
            states = {"queued", "waiting", "running", "paused"}
            self._control(pk, states, WorkflowRun.cancel, Twin.cancel)

    def _control(
        self,
        pk: Any,
        sources: set[str],
        verb: Callable[[WorkflowRun], None],
        same: Callable[[Twin], None],
    ) -> None:
        run = WorkflowRun.objects.get(pk=pk)
        if self.twins[pk].status in sources:
            verb(run)
            same(self.twins[pk])
        else:
            with pytest.raises(RunEnded if self.twins[pk].ended else WrongState):
                verb(run)

    # What time does

    @rule(pk=runs, pick=PICK)
    def sweep(self, pk: Any, pick: int) -> None:
        """Let the time of a pending request run out."""
        pending = InputRequest.objects.pending().filter(run=pk).order_by("request_id")
        if not pending:
            return
        request, now = pending[pick % len(pending)], database_now()
        begun = {"created_at": now - LEASE, "deadline": now - SECOND}
        InputRequest.objects.filter(pk=request.pk).update(**begun)
        assert list(InputRequest.objects.overdue(now)) == [request]
        request.expire(now)
        self.twins[pk].expire(request.request_id)

    @rule(step=st.sampled_from(["ask", "chore", "take"]))
    def break_or_mend(self, step: str) -> None:
        """From now on the step raises, or no longer does."""
        reference_model.broken.symmetric_difference_update({step})

    # What workers do

    @rule()
    def drive(self) -> None:
        asyncio.run(Worker().run_until_idle())
        for one in self.twins.values():
            one.drive()

    @rule()
    def die_before_anything_begins(self) -> None:
        for loaded in self._leased():
            self.twins[loaded.row.pk].lease(begins=False)
        self._lapse()

    @rule()
    def die_before_the_first_commit(self) -> None:
        self._touch(leased := self._leased())
        for loaded in leased:
            self.twins[loaded.row.pk].lease()
        self._lapse()

    @rule()
    def die_after_the_first_commit(self) -> None:
        """The mail is taken in and steps have begun, but nothing of theirs is stored."""
        leased = self._leased()

        async def commit() -> None:
            worker = Worker()
            writes = [worker.activate(one).build_update(database_now_of(leased)) for one in leased]
            done = await worker.database.call(store.store, writes)
            await worker.database.close()
            assert len(done.done) == len(leased)

        if leased:
            asyncio.run(commit())
        self._touch(leased)
        for loaded in leased:
            self.twins[loaded.row.pk].begin()
        self._lapse()

    def _leased(self) -> list[loader.LeasedRun]:
        expected = {
            pk
            for pk, one in self.twins.items()
            if one.status in ("queued", "running") and one.crash_count < 2
        }
        loaded = loader.lease_and_load(
            "doomed", limit=10, duration=LEASE, holding=(), poison=False
        )[1]
        assert {one.row.pk for one in loaded} == expected
        return loaded

    def _touch(self, leased: list[loader.LeasedRun]) -> None:
        """Note that steps of these begin, as a worker does before they do."""
        WorkflowRun.objects.mark_started([one.row for one in leased])

    def _lapse(self) -> None:
        """Let the leases end, as if the worker had died long ago."""
        held = WorkflowRun.objects.filter(lease_owner="doomed", status="running")
        held.update(wake_at=database_now() - SECOND)

    # What has to agree

    @invariant()
    def the_rows_are_what_the_engine_says(self) -> None:
        for run in WorkflowRun.objects.filter(pk__in=self.twins):
            self._compare(run, self.twins[run.pk])

    def _compare(self, run: WorkflowRun, one: Twin) -> None:
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
            (mail.kind, mail.request_id) for mail in one.mail
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


def test_an_answer_that_waits_while_its_run_fails_counts_after_a_retry() -> None:
    """One request expires and another is answered before a worker hears of either."""
    worlds = Worlds()
    run = WorkflowRun.objects.start(reference_model.WORKFLOW, {})
    worlds.twins[run.pk] = Twin()
    worlds.drive()
    worlds.sweep(run.pk, 0)
    worlds.answer(run.pk, 1, "alice", True)
    worlds.drive()
    assert worlds.twins[run.pk].status == "failed"
    worlds.retry(run.pk)
    worlds.answer(run.pk, 0, "bob", True)
    worlds.drive()
    worlds.answer(run.pk, 0, "bob", True)
    worlds.drive()
    worlds.the_rows_are_what_the_engine_says()
    assert worlds.twins[run.pk].status == "completed"


def test_any_interleaving_gives_what_the_pure_engine_gives() -> None:
    often = settings(
        max_examples=300 if LONG else 12,
        stateful_step_count=50 if LONG else 30,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    run_state_machine_as_test(Worlds, settings=often)
