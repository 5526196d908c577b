"""The state machine alone, without a loop or a clock: what begins, waits and ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.machine_harness import NOON, Bench, through_json
from workflows.engine import (
    Event,
    InputRequestEvent,
    InputResponseEvent,
    RequestClosed,
    RequestExpired,
    StartEvent,
    StopEvent,
    UnstorableValue,
    Workflow,
    WorkflowStalled,
    step,
)
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.engine.snapshot import write_state


class Item(Event):
    n: int


class Done(Event):
    n: int


@step
def begin(event: StartEvent) -> list[Item | InputRequestEvent]:
    return [*(Item(n=n) for n in range(4)), InputRequestEvent(prompt="?", request_id="r")]


@step(max_concurrency=2)
def work(event: Item) -> Done:
    return Done(n=event.n)


@step
def note(event: Done) -> None:
    return None


@step
def answer(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result=event.text)


workflow = Workflow("machine", [begin, work, note, answer])


def started() -> Bench:
    bench = Bench(workflow)
    bench.run(bench.one())
    return bench


def test_no_more_invocations_begin_at_once_than_the_step_allows() -> None:
    bench = started()
    one, two = bench.take()
    assert not bench.take()
    bench.finish(one, Done(n=0))
    names = [trial.invocation.step for trial in bench.take()]
    assert sorted(names) == ["note", "work"]
    assert bench.machine.limiter.in_use["work"] == 2
    bench.crash(two)
    assert bench.machine.state.status == "failed"


def test_delayed_invocations_begin_oldest_first_and_none_is_lost() -> None:
    bench = started()
    seen: list[int] = []
    while trials := [trial for trial in bench.take() if trial.invocation.step == "work"]:
        assert len(trials) <= 2
        seen.extend(trial.event.n for trial in trials)
        for trial in trials:
            bench.finish(trial)
    assert seen == [0, 1, 2, 3]


def test_slot_is_kept_until_the_function_has_really_ended() -> None:
    @step(retries=9, max_concurrency=1)
    def slow(event: StartEvent) -> StopEvent: ...  # type: ignore[empty-body]

    bench = Bench(Workflow("slow", [slow]))
    trial = bench.one()
    bench.machine.fail(trial.invocation, TimeoutError(), 1.0)  # its thread still runs
    assert not bench.take()
    assert not bench.is_idle()
    bench.machine.release(slow)
    assert bench.one().context.attempt == 2


def test_run_that_only_waits_is_idle_and_not_stalled() -> None:
    bench = started()
    assert not bench.is_idle()
    bench.run_all()
    assert bench.is_idle()
    bench.machine.check_stalled()
    assert bench.machine.state.status == "running"
    assert bench.machine.awaiting_handler() == ["r"]
    bench.machine.decline("r")
    assert bench.machine.awaiting_handler() == []


def test_a_run_that_can_never_continue_fails_as_stalled() -> None:
    @step
    def only(event: StartEvent) -> StopEvent | None:
        return None

    bench = Bench(Workflow("dry", [only]))
    bench.run_all()
    bench.machine.check_stalled()
    assert isinstance(bench.machine.failure, WorkflowStalled)
    assert "'dry'" in str(bench.machine.failure)
    bench.machine.check_stalled()
    assert bench.kinds().count("failed") == 1


def test_a_paused_run_begins_no_steps_finishes_running_ones_and_keeps_answers() -> None:
    bench = started()
    one, two = bench.take()
    bench.machine.pause(by="alice")
    bench.machine.pause()
    bench.finish(one)
    bench.machine.answer("r", "kept", by="bob")
    assert not bench.take()
    assert not bench.is_idle()
    bench.finish(two)
    assert bench.is_idle()
    bench.machine.check_stalled()
    assert bench.machine.state.status == "paused"
    bench.machine.resume(by="alice")
    bench.run_all()
    assert bench.machine.state.result == "kept"
    assert bench.kinds().count("paused") == bench.kinds().count("resumed") == 1


@pytest.mark.parametrize("end", ["cancel", "complete", "fail"])
def test_nothing_changes_an_ended_run(end: str) -> None:
    bench = started()
    one, two = bench.take()
    if end == "cancel":
        bench.machine.cancel(by="alice")
    elif end == "complete":
        bench.finish(one, StopEvent(result=1))
    else:
        bench.crash(one)
    before = through_json(write_state(bench.machine.state))
    bench.finish(two, Done(n=1))
    bench.crash(two)
    for verb in (bench.machine.pause, bench.machine.resume, bench.machine.cancel):
        verb()
    bench.machine.expire("r")
    bench.machine.decline("r")
    bench.machine.check_stalled()
    bench.machine.fail_handler(WorkflowStalled("x"))
    with pytest.raises(RequestClosed):
        bench.machine.answer("r", "x")
    assert not bench.take()
    assert through_json(write_state(bench.machine.state)) == before


def test_the_first_stop_ends_the_run_and_late_answers_are_in_the_journal() -> None:
    bench = started()
    one, two = bench.take()
    bench.finish(one, StopEvent(result="first"))
    bench.finish(two, StopEvent(result="second"))
    assert bench.machine.state.result == "first"
    bench.machine.discard("r")
    assert bench.kinds()[-1] == "discarded"


def test_an_answer_does_not_run_the_asking_step_again() -> None:
    bench = started()
    bench.run_all()
    bench.machine.answer("r", "x")
    assert [trial.invocation.step for trial in bench.take()] == ["answer"]
    assert [trial.invocation.step for trial in bench.reload().take()] == ["answer"]


def test_several_steps_may_accept_one_start_event() -> None:
    @step
    def left(event: StartEvent) -> None:
        return None

    @step
    def right(event: StartEvent) -> StopEvent | None:
        return None

    assert len(Bench(Workflow("both", [left, right])).take()) == 2


def test_deadline_is_absolute_survives_a_reload_and_fails_the_run() -> None:
    @step
    def urgent(event: StartEvent) -> list[InputRequestEvent]:
        return [
            InputRequestEvent(prompt="?", request_id="late", due_in=timedelta(seconds=60)),
            InputRequestEvent(prompt="?", request_id="soon", due_in=timedelta(seconds=30)),
            InputRequestEvent(prompt="?", request_id="never"),
        ]

    @step
    def note_answer(event: InputResponseEvent) -> None:
        return None

    bench = Bench(Workflow("urgent", [urgent, note_answer]))
    bench.run_all()
    assert bench.machine.next_deadline == NOON + timedelta(seconds=30)
    bench.machine.answer("soon", "in time")
    bench.run_all()
    bench = bench.reload()
    assert bench.machine.next_deadline == NOON + timedelta(seconds=60)
    bench.later(59.9)
    bench.machine.expire_overdue()
    bench.machine.pause()
    bench.later(0.1)
    bench.machine.expire_overdue()
    assert bench.machine.state.status == "paused"
    bench.machine.resume()
    bench.machine.expire_overdue()
    assert isinstance(bench.machine.failure, RequestExpired)
    assert "'late'" in str(bench.machine.failure)


def test_input_that_cannot_be_stored_is_refused() -> None:
    with pytest.raises(UnstorableValue, match="StartEvent"):
        StoredEvent.from_event(StartEvent.model_validate({"x": float("nan")}))
