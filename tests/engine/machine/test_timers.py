"""Retries: extra attempts, at times that are recorded beforehand and survive a reload."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.machine_harness import NOON, Bench
from workflows.engine import Context, Event, StartEvent, StopEvent, Workflow, step
from workflows.engine.machine.journal import Transition


class Go(Event):
    pass


@step(retries=3, retry_delay=2.0, backoff=3.0)
def begin(event: StartEvent, ctx: Context) -> StopEvent:
    return StopEvent(result=ctx.attempt)


workflow = Workflow("retried", [begin])


def test_retries_are_extra_attempts_each_later_than_the_one_before() -> None:
    bench = Bench(workflow)
    for wait in (2, 6, 18):
        trial = bench.one()
        bench.crash(trial)
        assert bench.machine.next_due == bench.now + timedelta(seconds=wait)
        assert bench.machine.idle
        bench.later(wait - 0.001)
        assert not bench.take()
        bench.later(0.001)
    last = bench.one()
    assert last.context.attempt == 4
    bench.crash(last)
    assert bench.machine.state.status == "failed"
    assert bench.machine.next_due is None
    assert bench.kinds() == ["started", *["step_retried"] * 3, "failed"]


def test_journal_names_the_attempt_its_error_and_when_the_next_is_due() -> None:
    bench = Bench(workflow)
    bench.crash(bench.one(), ValueError("too \x00 bad"))
    entry = bench.machine.journal[-1]
    assert entry.step == "begin"
    assert entry.duration == 0.5
    assert (entry.data["invocation"], entry.data["attempt"]) == (1, 1)
    assert entry.data["due"] == (NOON + timedelta(seconds=2)).isoformat()
    error = entry.data["error"]
    assert (error["kind"], error["message"], error["step"]) == ("ValueError", "too � bad", "begin")
    assert "ValueError" in error["traceback"]


def test_due_times_and_counts_survive_a_reload() -> None:
    bench = Bench(workflow)
    bench.crash(bench.one())
    other = bench.reload()
    assert other.machine.next_due == NOON + timedelta(seconds=2)
    assert not other.take()
    other.later(2)
    trial = other.one()
    assert trial.context.attempt == 2
    other.finish(trial, StopEvent(result="done"))
    assert other.machine.state.result == "done"


def test_step_in_progress_runs_again_after_a_reload_with_the_attempts_it_had() -> None:
    bench = Bench(workflow)
    bench.crash(bench.one())
    bench.later(2)
    bench.one()
    trial = bench.reload().one()
    assert trial.context.attempt == 2


def test_retry_without_delay_is_due_at_once() -> None:
    @step(retries=1)
    def eager(event: StartEvent, ctx: Context) -> StopEvent:
        if ctx.attempt == 1:
            raise RuntimeError
        return StopEvent(result=ctx.attempt)

    bench = Bench(Workflow("eager", [eager]))
    bench.run_all()
    assert bench.machine.state.result == 2


def test_step_without_retries_fails_the_run_which_keeps_its_state() -> None:
    @step
    def once(event: StartEvent) -> StopEvent:
        raise RuntimeError("boom")

    bench = Bench(Workflow("once", [once]), {"a": 1})
    bench.run_all()
    state = bench.machine.state
    assert state.error is not None
    assert (state.error["kind"], state.error["message"]) == ("RuntimeError", "boom")
    assert list(state.invocations) == [1]


def test_reopened_run_has_all_attempts_again_and_the_same_key() -> None:
    bench = Bench(workflow)
    key = ""
    for _ in range(4):
        trial = bench.one()
        key = trial.context.idempotency_key
        bench.crash(trial)
        bench.later(100)
    assert bench.machine.state.status == "failed"
    state = bench.machine.state
    state.apply(Transition("reopened", {"by": "alice"}))
    other = bench.reload()
    trial = other.one()
    assert (trial.context.attempt, trial.context.idempotency_key) == (1, key)
    for _ in range(3):
        other.crash(trial)
        other.later(100)
        trial = other.one()
    other.finish(trial, StopEvent())
    assert other.machine.state.status == "completed"


@pytest.mark.parametrize("status", ["paused", "failed", "cancelled"])
def test_due_retry_begins_only_if_the_run_continues(status: str) -> None:
    bench = Bench(workflow)
    bench.crash(bench.one())
    if status == "paused":
        bench.machine.pause()
    elif status == "failed":
        bench.machine.fail_handler(RuntimeError("x"))  # type: ignore[arg-type]
    else:
        bench.machine.cancel()
    bench.later(100)
    assert not bench.take()
    bench.machine.resume()
    assert bool(bench.take()) is (status == "paused")


def test_error_that_cannot_be_printed_still_fails_the_step() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    bench = Bench(workflow)
    bench.crash(bench.one(), Mute())
    assert bench.machine.journal[-1].data["error"]["kind"] == "Mute"
