"""Fan-in counts each branch once, also after crashes and in another process."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.engine.machine_harness import Bench, Trial
from workflows.engine import (
    CollectEventError,
    Context,
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowStalled,
    step,
)


class A(Event):
    n: int


class B(Event):
    n: int


ASKED = [A, B, B]


@step
def begin(event: StartEvent) -> list[A | B]:
    return [B(n=1), A(n=0), B(n=2)]


@step(retries=5, name="join: all")
def join(event: A | B, ctx: Context) -> StopEvent | None:
    found = ctx.collect_events(event, ASKED)
    return None if found is None else StopEvent(result=[one.n for one in found])


workflow = Workflow("fan-in", [begin, join])


def started() -> Bench:
    bench = Bench(workflow)
    bench.run(bench.one())
    return bench


def collect(trial: Trial) -> list[Any] | None:
    found = trial.context.collect_events(trial.event, ASKED)
    return found and [one.n for one in found]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_step_that_completes_a_set_gets_the_list_in_the_order_asked(
    order: tuple[int, ...],
) -> None:
    bench = started()
    trials = bench.take()
    reported = [collect(trials[index]) for index in order]
    assert reported[:2] == [None, None]
    assert reported[2] is not None
    assert reported[2][0] == 0
    assert sorted(reported[2]) == [0, 1, 2]


def test_contribution_counts_once_per_invocation() -> None:
    bench = started()
    one, two, _three = bench.take()
    assert collect(one) is None
    assert collect(one) is None
    bench.crash(one)
    again = bench.one()
    assert collect(again) is None
    assert collect(two) is None
    assert bench.kinds().count("collected") == 2


def test_owner_owns_the_list_over_all_its_attempts() -> None:
    bench = started()
    one, two, owner = bench.take()
    assert (collect(one), collect(two)) == (None, None)
    assert collect(owner) == [0, 1, 2]
    bench.crash(owner)
    owner = bench.one()
    assert collect(owner) == [0, 1, 2]
    assert collect(owner) == [0, 1, 2]
    bench.crash(one)
    bench.crash(two)
    for late in bench.take():
        assert collect(late) is None
    bench.finish(owner, StopEvent(result="once"))
    assert bench.machine.state.result == "once"


def test_contributors_that_still_run_when_the_owner_commits_are_consumed() -> None:
    bench = Bench(Workflow("no stop", [begin, join]))
    bench.run(bench.one())
    one, two, owner = bench.take()
    for trial in (one, two, owner):
        collect(trial)
    bench.finish(owner)
    bench.crash(one)
    again = bench.one()
    assert collect(again) is None
    bench.finish(again)
    bench.finish(two)
    assert not bench.machine.state.buffers
    assert not bench.machine.state.invocations


def test_owner_that_is_run_again_after_a_reload_gets_its_list() -> None:
    bench = started()
    trials = bench.take()
    for trial in trials:
        collect(trial)
    other = bench.reload()
    resumed = other.take()
    reported = [collect(trial) for trial in resumed]
    assert [one for one in reported if one] == [[0, 1, 2]]
    assert "collected" not in other.kinds()


def test_incomplete_set_survives_a_reload() -> None:
    bench = started()
    one, two, three = bench.take()
    collect(one)
    bench.finish(one)
    collect(two)
    other = bench.reload()
    reported = [collect(trial) for trial in other.take()]
    assert reported == [None, [0, 1, 2]]
    assert three.invocation.id in other.machine.state.invocations


def test_surplus_events_begin_the_next_set_oldest_first() -> None:
    class Many(Event):
        n: int

    @step
    def fan(event: StartEvent) -> list[Many]:
        return [Many(n=n) for n in range(5)]

    pairs: list[list[int]] = []

    @step
    def pair(event: Many, ctx: Context) -> None:
        found = ctx.collect_events(event, [Many, Many])
        if found:
            pairs.append([one.n for one in found])

    bench = Bench(Workflow("pairs", [fan, pair]))
    bench.run_all()
    assert pairs == [[0, 1], [2, 3]]
    assert [
        stored.to_event({"Many": Many}).n for stored in bench.machine.state.buffers["pair:Many*2"]
    ] == [4]


def test_two_sets_of_one_step_do_not_mix() -> None:
    bench = started()
    one, two, _ = bench.take()
    assert one.context.collect_events(one.event, [B]) == [one.event]
    assert one.context.collect_events(one.event, ASKED) is None
    assert two.context.collect_events(two.event, [A]) == [two.event]


def test_the_error_names_an_event_that_is_not_in_the_set() -> None:
    bench = started()
    one, two, _ = bench.take()
    with pytest.raises(CollectEventError, match=r"'join: all'.*A.*B"):
        one.context.collect_events(one.event, [A])
    with pytest.raises(CollectEventError, match="nothing"):
        one.context.collect_events(one.event, [])
    with pytest.raises(CollectEventError, match="cannot contribute a A"):
        one.context.collect_events(two.event, ASKED)
    assert "collected" not in bench.kinds()


def test_the_error_of_a_stalled_run_names_its_incomplete_fan_ins() -> None:
    @step
    def two_of_three(event: StartEvent) -> list[A | B]:
        return [B(n=1), B(n=2)]

    bench = Bench(Workflow("short", [two_of_three, join]))
    bench.run_all()
    assert bench.machine.idle
    bench.machine.check_stalled()
    failure = bench.machine.failure
    assert isinstance(failure, WorkflowStalled)
    assert "'join: all' holds B*2 of A,B*2" in str(failure)
    assert "'short'" in str(failure)


def test_entry_of_a_large_fan_in_stays_small() -> None:
    @step
    def fan(event: StartEvent) -> list[A]:
        return [A(n=0)]

    @step
    def wide(event: A, ctx: Context) -> None:
        ctx.collect_events(event, [A] * 5000)

    bench = Bench(Workflow("wide", [fan, wide]))
    bench.run_all()
    [entry] = [one for one in bench.machine.journal if one.kind == "collected"]
    assert entry.data["asked"] == "A*5000"
