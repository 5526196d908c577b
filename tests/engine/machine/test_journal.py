"""Applying the journal to any snapshot gives the state that the run really had."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.machine_harness import Bench, Trial, applied, copied, stored, through_json
from workflows.engine import (
    Context,
    ContextClosed,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    RequestExpired,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.engine.machine.fan_in import decode_names, encode_names
from workflows.engine.machine.journal import Transition
from workflows.engine.machine.state import RunState
from workflows.engine.snapshot import write_state


class Left(Event):
    n: int


class Right(Event):
    words: list[str]


class Last(Event):
    total: int


@step
def begin(event: StartEvent) -> list[Left | Right]:
    return [Left(n=1), Right(words=["a"]), Left(n=2), Left(n=3)]


@step(retries=2, retry_delay=5.0, backoff=2.0, max_concurrency=2)
def left(event: Left, ctx: Context) -> InputRequestEvent | Last:
    ctx.update("count", lambda n: (n or 0) + 1)
    if event.n == 2:
        return InputRequestEvent(prompt="?", payload={"n": event.n}, due_in=timedelta(days=1))
    return Last(total=event.n)


@step(retries=1)
def right(event: Right, ctx: Context) -> list[InputRequestEvent]:
    ctx.set("words", event.words)
    ctx.set("when", timedelta(seconds=1))
    return [InputRequestEvent(prompt="one"), InputRequestEvent(prompt="two", allow={"reply"})]


@step(retries=3, retry_delay=1.0)
def join(event: InputResponseEvent | Last, ctx: Context) -> StopEvent | None:
    asked: list[type[Event]] = [InputResponseEvent, Last, Last]
    found = ctx.collect_events(event, asked)
    return None if found is None else StopEvent(result={"got": len(found), "event": event})


workflow = Workflow("journal", [begin, left, right, join])
ACTIONS = (
    "finish", "finish", "finish", "run", "run", "run", "crash", "call and crash", "answer",
    "answer", "decline", "pause", "resume", "later", "later", "reload", "expire", "cancel",
    "reopen", "discard", "stalled",
)  # fmt: skip


class History:
    """A run that does random actions. It keeps each entry as a row would."""

    def __init__(self) -> None:
        self.bench = Bench(workflow, {"text": "start"})
        self.rows: list[tuple[str, str, dict[str, Any]]] = []
        self.snapshots: list[RunState] = []
        self.lived: list[Any] = []
        self.trials: list[Trial] = []
        self.keep()

    def keep(self) -> None:
        """Store the entries of the last action, and a snapshot after it."""
        journal = self.bench.machine.journal
        self.rows.extend(stored(entry) for entry in journal)
        journal.clear()
        self.snapshots.append(copied(self.bench.machine.state))
        self.lived.append(through_json(write_state(self.bench.machine.state)))

    def act(self, action: str, choice: int) -> None:
        machine = self.bench.machine
        self.trials.extend(self.bench.take())
        requests = list(machine.state.requests)
        trial = self.trials.pop(choice % len(self.trials)) if self.trials else None
        if action == "run" and trial:
            self.bench.run(trial)
        elif action == "finish" and trial:
            self.bench.finish(trial)
        elif action == "call and crash" and trial:
            with contextlib.suppress(ContextClosed):
                machine.workflow.steps[trial.invocation.step].invoke(trial.event, trial.context)
            self.bench.crash(trial)
        elif action == "crash" and trial:
            self.bench.crash(trial)
        elif trial:
            self.trials.append(trial)
        if requests and action in ("answer", "decline", "expire", "discard"):
            self.ask(action, requests[choice % len(requests)])
        elif action in ("pause", "resume", "cancel"):
            getattr(machine, action)(by="alice")
        elif action == "stalled" and machine.idle and machine.next_due is None:
            machine.check_stalled()
        elif action == "later":
            self.bench.later(choice % 20)
        elif action == "reload" or (action == "reopen" and machine.state.status == "failed"):
            self.reload(reopen=action == "reopen")
        self.keep()

    def ask(self, action: str, request_id: str) -> None:
        machine = self.bench.machine
        if action == "answer" and not machine.state.ended:
            machine.answer(request_id, {"approved": True}, by="bob", source="inbox")
        elif action != "answer":
            getattr(machine, action)(request_id)

    def reload(self, *, reopen: bool) -> None:
        self.keep()
        if reopen:
            entry = Transition("reopened", {"by": "alice"})
            self.bench.machine.state.apply(entry)
            self.rows.append(stored(entry))
        self.bench = self.bench.reload()
        self.trials.clear()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 50)), max_size=40))
def test_applying_the_journal_to_any_snapshot_gives_the_real_state(
    moves: list[tuple[str, int]],
) -> None:
    history = History()
    for action, choice in moves:
        history.act(action, choice)
    assert history.bench.machine.state.seq == len(history.rows)
    by_seq = {one["seq"]: one for one in history.lived}
    for snapshot in [RunState(), *history.snapshots]:
        state = copied(snapshot)
        for row in history.rows[state.seq :]:
            applied(state, [row])
            if state.seq in by_seq:
                assert through_json(write_state(state)) == by_seq[state.seq]
        assert through_json(write_state(state)) == history.lived[-1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 50)), max_size=30))
def test_a_run_that_continues_after_any_interruption_ends_in_the_same_way(
    moves: list[tuple[str, int]],
) -> None:
    history = History()
    for action, choice in moves:
        if action not in ("cancel", "finish", "crash", "call and crash", "expire", "stalled"):
            history.act(action, choice)
    bench = history.bench.reload()
    bench.machine.resume()
    while not bench.machine.state.ended:
        bench.run_all()
        for request_id in list(bench.machine.state.requests):
            if not bench.machine.state.ended:
                bench.machine.answer(request_id, {"approved": True})
                bench.run_all()
        bench.later(10)
    assert bench.machine.state.status == "completed"
    assert bench.machine.state.result["got"] == 3
    assert bench.machine.state.values["count"] == 3


def test_every_kind_of_entry_is_applied() -> None:
    history = History()
    for action in ("run", "run", "run", "run", "run", "decline", "answer", "pause", "resume"):
        history.act(action, 0)
    history.act("expire", 0)
    assert isinstance(history.bench.machine.failure, RequestExpired)
    history.act("reopen", 0)
    history.bench.machine.state.apply(Transition("blocked", {"by": ""}))
    assert history.bench.machine.state.status == "running"
    assert history.bench.machine.state.error is None


@given(st.lists(st.sampled_from("ABC"), min_size=1))
def test_names_of_a_fan_in_are_read_as_they_were_written(names: list[str]) -> None:
    assert decode_names(encode_names(names)) == names
