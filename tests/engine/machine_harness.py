"""A harness for the state machine: tests call each transition and set the clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.engine import Context, Event
from workflows.engine.definition import Definition
from workflows.engine.machine.effects import Effects
from workflows.engine.machine.journal import Transition
from workflows.engine.machine.machine import Machine
from workflows.engine.machine.state import Invocation, RunState
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.engine.snapshot import read_state, write_state

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def through_json(value: Any) -> Any:
    """Return the value as it is after it was stored and read."""
    return json.loads(json.dumps(value, allow_nan=False))


@dataclass(frozen=True)
class Trial:
    """One attempt in progress, with the event that its step gets."""

    invocation: Invocation
    effects: Effects
    context: Context
    event: Any


class Bench:
    """Drives one run. It is also the `StepHost` of the steps."""

    def __init__(
        self, workflow: Definition, data: Any = None, *, state: RunState | None = None
    ) -> None:
        self.now = NOON
        self.session: dict[str, Any] = {}
        self.streamed: list[Event] = []
        self.reported: list[tuple[float, str]] = []
        self.machine = Machine(workflow, "run-1", state)
        self.machine.clock = lambda: self.now
        if state is None:
            self.machine.start(StoredEvent.from_event(workflow.start_event(data)))

    def call(self, function: Callable[[], Any]) -> Any:
        return function()

    def stream(self, event: Event) -> None:
        self.streamed.append(event)

    def progress(self, fraction: float, text: str, step: str = "") -> None:
        self.reported.append((fraction, text))

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def take(self) -> list[Trial]:
        return [self.trial(one) for one in self.machine.start_ready()]

    def one(self) -> Trial:
        [trial] = self.take()
        return trial

    def trial(self, invocation: Invocation) -> Trial:
        effects = Effects(self.machine.workflow.events)
        context = Context(self.machine, invocation, effects, self)
        event = invocation.event.to_event(self.machine.workflow.events)
        return Trial(invocation, effects, context, event)

    def finish(self, trial: Trial, returned: Any = None) -> None:
        self.machine.release(self.machine.workflow.steps[trial.invocation.step])
        self.machine.complete(trial.invocation, returned, trial.effects, 0.5)

    def crash(self, trial: Trial, error: BaseException | None = None) -> None:
        self.machine.release(self.machine.workflow.steps[trial.invocation.step])
        self.machine.fail(trial.invocation, error or RuntimeError("boom"), 0.5)

    def run(self, trial: Trial) -> None:
        """Call the step, a plain function, and report its result to the machine."""
        step = self.machine.workflow.steps[trial.invocation.step]
        try:
            returned = step.invoke(trial.event, trial.context)
        except Exception as error:
            self.crash(trial, error)
        else:
            self.finish(trial, returned)

    def run_all(self) -> None:
        """Run all steps that can begin, until none can."""
        while trials := self.take():
            for trial in trials:
                self.run(trial)

    def is_idle(self) -> bool:
        return self.machine.idle

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.machine.journal]

    def reload(self) -> Bench:
        """Return the run as another process loads it; it begins the steps in progress again."""
        state = read_state(through_json(write_state(self.machine.state)))
        other = Bench(self.machine.workflow, state=state)
        other.now = self.now
        return other


def stored(entry: Transition) -> tuple[str, str, dict[str, Any]]:
    """Return an entry as a row stores it."""
    return entry.kind, entry.step, through_json(entry.to_json())


def applied(state: RunState, rows: list[tuple[str, str, dict[str, Any]]]) -> RunState:
    """Apply stored entries to a state."""
    for row in rows:
        state.apply(Transition.from_json(*row))
    return state


def copied(state: RunState) -> RunState:
    """Return the state as it is read from a stored snapshot."""
    return read_state(through_json(write_state(state)))
