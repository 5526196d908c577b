"""The pure machine: what begins, what waits, what ends, without a loop or a clock of its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.bench import Bench, through_json
from workflows.engine import (
    CannotLoad,
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    RequestClosed,
    StartEvent,
    StopEvent,
    UnstorableValue,
    Workflow,
    WorkflowStalled,
    step,
)
from workflows.engine.machine import Machine
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


def test_no_more_begin_at_once_than_the_step_allows() -> None:
    bench = started()
    one, two = bench.take()
    assert not bench.take()
    bench.finish(one, Done(n=0))
    names = [trial.invocation.step for trial in bench.take()]
    assert sorted(names) == ["note", "work"]
    assert bench.machine.busy["work"] == 2
    bench.crash(two)
    assert bench.machine.state.status == "failed"


def test_held_back_invocations_begin_oldest_first_and_none_is_lost() -> None:
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
    bench.machine.fail(trial.invocation, TimeoutError(), bench.now, 1.0)  # its thread goes on
    assert not bench.take()
    assert not bench.is_idle()
    bench.machine.release("slow")
    assert bench.one().context.attempt == 2


def test_run_that_only_waits_is_idle_and_not_stalled() -> None:
    bench = started()
    assert not bench.is_idle()
    bench.run_all()
    assert bench.is_idle()
    bench.machine.check_stalled()
    assert bench.machine.state.status == "running"
    assert bench.machine.unasked() == ["r"]
    bench.machine.decline("r")
    assert bench.machine.unasked() == []


def test_run_without_anything_left_fails_as_stalled() -> None:
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


def test_pause_begins_nothing_lets_running_steps_finish_and_keeps_answers() -> None:
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


def test_first_stop_ends_the_run_and_late_answers_are_journaled() -> None:
    bench = started()
    one, two = bench.take()
    bench.finish(one, StopEvent(result="first"))
    bench.finish(two, StopEvent(result="second"))
    assert bench.machine.state.result == "first"
    bench.machine.discard("r")
    assert bench.kinds()[-1] == "discarded"


def test_asking_step_never_runs_again_because_of_an_answer() -> None:
    bench = started()
    bench.run_all()
    bench.machine.answer("r", "x")
    assert [trial.invocation.step for trial in bench.take()] == ["answer"]
    assert [trial.invocation.step for trial in bench.reload().take()] == ["answer"]


def test_several_steps_may_take_one_start() -> None:
    @step
    def left(event: StartEvent) -> None:
        return None

    @step
    def right(event: StartEvent) -> StopEvent | None:
        return None

    assert len(Bench(Workflow("both", [left, right])).take()) == 2


# Code that changed


@step
def keep(event: Item, ctx: Context) -> None:
    ctx.set("kept", event)
    ctx.collect_events(event, [Item, Done])


def rebuilt(*steps: Any, name: str = "machine") -> Workflow:
    return Workflow(name, steps)


def reloaded(bench: Bench, workflow: Workflow) -> Machine:
    return Machine(workflow, "run-1", bench.reload().machine.state)


def make(name: str, takes: Any, gives: Any = None) -> Any:
    def function(event: Any) -> Any: ...

    function.__annotations__ = {"event": takes, "return": gives}
    return step(name=name)(function)


def test_run_whose_step_is_gone_cannot_load_by_name() -> None:
    machine = reloaded(started(), rebuilt(begin, make("other", Item), note, answer))
    with pytest.raises(CannotLoad, match=r"run-1 of 'machine'.*'work'"):
        machine.check_loadable()


def test_run_whose_event_is_gone_cannot_load_by_name() -> None:
    machine = reloaded(started(), rebuilt(make("begin", StartEvent), make("work", Done), answer))
    with pytest.raises(CannotLoad, match="'Item'"):
        machine.check_loadable()


def test_run_whose_event_no_longer_fits_cannot_load_by_name() -> None:
    stricter = type("Item", (Event,), {"__annotations__": {"n": str, "more": int}})
    machine = reloaded(
        started(), rebuilt(make("begin", StartEvent), make("work", stricter), answer)
    )
    with pytest.raises(CannotLoad, match="'Item'.*no longer fits"):
        machine.check_loadable()


def test_run_whose_step_takes_something_else_now_cannot_load_by_name() -> None:
    machine = reloaded(
        started(), rebuilt(make("begin", StartEvent), make("work", Done), make("new", Item), answer)
    )
    with pytest.raises(CannotLoad, match="'work' does not take Item"):
        machine.check_loadable()


def test_run_whose_reply_nobody_takes_any_more_cannot_load_by_name() -> None:
    bench = started()
    bench.run_all()
    machine = reloaded(bench, rebuilt(make("begin", StartEvent)))
    with pytest.raises(CannotLoad, match="InputResponseEvent"):
        machine.check_loadable()


def test_run_whose_state_no_longer_reads_cannot_load_and_names_the_key() -> None:
    bench = Bench(rebuilt(begin, keep, note, answer))
    bench.run_all()
    machine = reloaded(bench, rebuilt(begin_without_items, answer))
    with pytest.raises(CannotLoad, match="'kept'.*'Item'"):
        machine.check_loadable()
    machine.state.values = {"odd": {"$": "decimal", "v": "x"}}
    with pytest.raises(CannotLoad, match="'odd'"):
        machine.check_loadable()


@step
def begin_without_items(event: StartEvent) -> None:
    return None


def test_what_the_run_no_longer_holds_may_change() -> None:
    bench = started()
    bench.run_all()
    machine = reloaded(bench, rebuilt(make("renamed", StartEvent), answer))
    machine.check_loadable()
    machine.answer("r", "x")
    assert [one.step for one in machine.take(bench.now)] == ["answer"]


def test_input_that_cannot_be_stored_starts_nothing() -> None:
    machine = Machine(workflow, "run-1")
    with pytest.raises(UnstorableValue, match="StartEvent"):
        machine.start(StartEvent.model_validate({"x": float("nan")}))
    assert not machine.journal
