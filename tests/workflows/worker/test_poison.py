"""Steps that raise, never end, or ignore their timeout do not delay other runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support import flows
from tests.support.worker_control import at_work, run_async, until
from workflows.engine import StartEvent, StopEvent, Workflow, step
from workflows.models import InputRequest, WorkflowRun, database_now
from workflows.worker import Worker, active_run
from workflows.worker.steps.thread_slots import ThreadLimiter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]

Register = Callable[[Workflow], Workflow]


class Gate:
    """Ends the waiting steps when the test is over."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def swallower(self) -> Workflow:
        """Return a workflow with an `async` step that ignores cancellation."""

        @step(timeout=0.05)
        async def swallow(event: StartEvent) -> StopEvent:
            while not self.open.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue
            return StopEvent(result="too late")

        return Workflow("t-swallow", steps=[swallow])

    def sleeper(self, timeout: float | None = None) -> Workflow:
        """Return a workflow with a `def` step that does not end."""

        @step(timeout=timeout)
        def sleep(event: StartEvent) -> StopEvent:
            self.open.wait(60)
            return StopEvent(result="at last")

        return Workflow("t-sleep", steps=[sleep])

    def waiter(self) -> Workflow:
        """Return a workflow with an `async` step that does not end."""

        @step
        async def wait(event: StartEvent) -> StopEvent:
            while not self.open.is_set():  # noqa: ASYNC110  what the test is about
                await asyncio.sleep(0.01)
            return StopEvent(result="at last")

        return Workflow("t-wait", steps=[wait])


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


def start(workflow: Workflow, count: int = 1) -> list[WorkflowRun]:
    return [WorkflowRun.objects.start(workflow, {}) for _ in range(count)]


def all_are(runs: list[WorkflowRun], status: str) -> bool:
    of_these = WorkflowRun.objects.filter(pk__in=[run.pk for run in runs])
    return set(of_these.values_list("status", flat=True)) == {status}


def error_of(run: WorkflowRun) -> dict[str, Any]:
    run.refresh_from_db()
    assert run.status == "failed"
    return dict(run.error or {})


async def serve_until(
    condition: Callable[[], bool], gate: Gate, limiter: ThreadLimiter | None = None
) -> None:
    """Run a worker until a condition on the rows is true, then open the gate."""
    worker = Worker()
    worker.runner.limiter = limiter or worker.runner.limiter
    async with at_work(worker):
        try:
            await until(condition)
        finally:
            gate.open.set()


def test_steps_that_never_end_do_not_block_other_runs(register: Register, gate: Gate) -> None:
    endless = start(register(gate.sleeper()), 6) + start(register(gate.waiter()), 3)
    others = start(flows.ORM, 5)
    run_async(
        serve_until(lambda: all_are(others, "completed"), gate, ThreadLimiter(2, timeout=0.1))
    )
    assert not all_are(endless, "failed")


def test_a_step_that_runs_longer_than_its_timeout_fails_its_run(
    register: Register, gate: Gate
) -> None:
    endless = start(register(gate.sleeper(timeout=0.05)), 6)
    others = start(flows.ORM, 5)
    everyone = [*endless, *others]
    ended = WorkflowRun.objects.filter(finished_at__isnull=False)
    run_async(serve_until(lambda: ended.count() == len(everyone), gate, ThreadLimiter(2)))
    assert all_are(others, "completed")
    for run in endless:
        assert "step 'sleep' took longer than 0.05 s" in error_of(run)["message"]


def test_a_step_that_ignores_its_timeout_fails_its_run_and_is_not_waited_for(
    register: Register, gate: Gate
) -> None:
    [eater], others = start(register(gate.swallower())), start(flows.ORM, 3)
    run_async(serve_until(lambda: all_are([eater], "failed"), gate))
    assert "step 'swallow' took longer than 0.05 s" in error_of(eater)["message"]
    assert all_are(others, "completed")


@pytest.mark.parametrize(
    "error", [SystemExit(3), asyncio.CancelledError(), MemoryError("too much")]
)
@pytest.mark.parametrize("timeout", [None, 20.0], ids=["no timeout", "timeout"])
def test_an_error_of_a_step_fails_only_its_run(
    register: Register, gate: Gate, error: BaseException, timeout: float | None
) -> None:
    @step(timeout=timeout)
    async def raise_it(event: StartEvent) -> StopEvent:
        raise error

    @step(timeout=timeout)
    def raise_it_too(event: StartEvent) -> StopEvent:
        raise error

    bad = start(register(Workflow("t-bad", steps=[raise_it])))
    bad += start(register(Workflow("t-worse", steps=[raise_it_too])))
    others = start(flows.ORM, 2)
    run_async(serve_until(lambda: all_are(bad, "failed") and all_are(others, "completed"), gate))
    assert {error_of(run)["kind"] for run in bad} == {type(error).__name__}


def test_the_isolation_of_a_long_poison_run_ends(
    register: Register, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_run, "ISOLATION_TIMEOUT", 0.2)
    [poison_run], others = start(register(gate.waiter())), start(flows.ORM, 3)
    WorkflowRun.objects.filter(pk=poison_run.pk).update(crash_count=2)
    run_async(serve_until(lambda: all_are(others, "completed"), gate))


def test_overdue_requests_of_blocked_runs_do_not_delay_others(gate: Gate) -> None:
    stuck, run = start(flows.DEADLINE, 101), start(flows.DEADLINE)
    everyone = [*stuck, *run]
    asyncio.run(Worker().run_until_idle())
    assert all_are(everyone, "waiting")
    InputRequest.objects.update(deadline=database_now())
    blocked = WorkflowRun.objects.filter(pk__in=[one.pk for one in stuck])
    blocked.update(status="blocked", wake_at=None)
    run_async(serve_until(lambda: all_are(run, "failed"), gate))
    assert all_are(stuck, "blocked")
