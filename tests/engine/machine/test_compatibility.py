"""A run is loaded by changed code, or an error names what no longer fits."""

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

# After a change of the code, a step may still accept an event of older code.
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


def test_the_error_names_a_step_that_no_longer_exists() -> None:
    machine = reloaded(started(), rebuilt(begin, make("other", Item), note, answer))
    with pytest.raises(IncompatibleRun, match=r"run-1 of 'machine'.*'work'"):
        machine.check_compatible()


def test_the_error_names_an_event_that_no_longer_exists() -> None:
    machine = reloaded(started(), rebuilt(make("begin", StartEvent), make("work", Done), answer))
    with pytest.raises(IncompatibleRun, match="'Item'"):
        machine.check_compatible()


def test_the_error_names_an_event_whose_stored_data_no_longer_fits() -> None:
    stricter = type("Item", (Event,), {"__annotations__": {"n": str, "more": int}})
    machine = reloaded(
        started(), rebuilt(make("begin", StartEvent), make("work", stricter), answer)
    )
    with pytest.raises(IncompatibleRun, match="'Item'.*no longer fits"):
        machine.check_compatible()


def test_the_error_names_a_step_that_now_accepts_another_event() -> None:
    machine = reloaded(
        started(), rebuilt(make("begin", StartEvent), make("work", Done), make("new", Item), answer)
    )
    with pytest.raises(IncompatibleRun, match="'work' does not take Item"):
        machine.check_compatible()


def test_the_error_names_a_reply_that_no_step_accepts_any_more() -> None:
    bench = started()
    bench.run_all()
    machine = reloaded(bench, rebuilt(make("begin", StartEvent)))
    with pytest.raises(IncompatibleRun, match="InputResponseEvent"):
        machine.check_compatible()


def test_the_error_names_the_key_of_a_state_value_that_cannot_be_read() -> None:
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


def test_code_that_the_run_no_longer_needs_may_change() -> None:
    bench = started()
    bench.run_all()
    machine = reloaded(bench, rebuilt(make("renamed", StartEvent), answer))
    machine.check_compatible()
    machine.answer("r", "x")
    assert [one.step for one in machine.start_ready()] == ["answer"]
