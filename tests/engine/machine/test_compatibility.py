"""A run meets code that has changed: it loads whole, or says by name what no longer fits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.machine.test_machine import Done, Item, answer, begin, note, started
from tests.engine.machine_harness import Bench
from workflows.engine import (
    Context,
    Event,
    IncompatibleRun,
    StartEvent,
    Workflow,
    step,
)
from workflows.engine.machine.machine import Machine

# Code that has changed since a run began may keep a step for an event of older code.
pytestmark = pytest.mark.filterwarnings("ignore::workflows.engine.UnsentEventWarning")


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
    with pytest.raises(IncompatibleRun, match=r"run-1 of 'machine'.*'work'"):
        machine.check_compatible()


def test_run_whose_event_is_gone_cannot_load_by_name() -> None:
    machine = reloaded(started(), rebuilt(make("begin", StartEvent), make("work", Done), answer))
    with pytest.raises(IncompatibleRun, match="'Item'"):
        machine.check_compatible()


def test_run_whose_event_no_longer_fits_cannot_load_by_name() -> None:
    stricter = type("Item", (Event,), {"__annotations__": {"n": str, "more": int}})
    machine = reloaded(
        started(), rebuilt(make("begin", StartEvent), make("work", stricter), answer)
    )
    with pytest.raises(IncompatibleRun, match="'Item'.*no longer fits"):
        machine.check_compatible()


def test_run_whose_step_takes_something_else_now_cannot_load_by_name() -> None:
    machine = reloaded(
        started(), rebuilt(make("begin", StartEvent), make("work", Done), make("new", Item), answer)
    )
    with pytest.raises(IncompatibleRun, match="'work' does not take Item"):
        machine.check_compatible()


def test_run_whose_reply_nobody_takes_any_more_cannot_load_by_name() -> None:
    bench = started()
    bench.run_all()
    machine = reloaded(bench, rebuilt(make("begin", StartEvent)))
    with pytest.raises(IncompatibleRun, match="InputResponseEvent"):
        machine.check_compatible()


def test_run_whose_state_no_longer_reads_cannot_load_and_names_the_key() -> None:
    bench = Bench(rebuilt(begin, keep, note, answer))
    bench.run_all()
    machine = reloaded(bench, rebuilt(begin_without_items, answer))
    with pytest.raises(IncompatibleRun, match="'kept'.*'Item'"):
        machine.check_compatible()
    machine.state.values = {"odd": {"$": "decimal", "v": "x"}}
    with pytest.raises(IncompatibleRun, match="'odd'"):
        machine.check_compatible()


@step
def begin_without_items(event: StartEvent) -> None:
    return None


def test_what_the_run_no_longer_holds_may_change() -> None:
    bench = started()
    bench.run_all()
    machine = reloaded(bench, rebuilt(make("renamed", StartEvent), answer))
    machine.check_compatible()
    machine.answer("r", "x")
    assert [one.step for one in machine.start_ready()] == ["answer"]
