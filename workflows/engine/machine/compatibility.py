"""Checks whether the state of a run still fits the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from workflows.engine.definition import Definition
from workflows.engine.errors import IncompatibleRun
from workflows.engine.machine.state import Invocation, RunState
from workflows.engine.serialization.codec import decode
from workflows.engine.serialization.stored_event import StoredEvent


def check_compatible(run: str, workflow: Definition, state: RunState) -> None:
    """Raise `IncompatibleRun`, which names what does not fit.

    Code that the run no longer refers to is not checked.
    """
    try:
        _check_state(workflow, state)
    except IncompatibleRun as error:
        raise IncompatibleRun(f"{run} does not fit its workflow's code: {error}.") from error


def _check_state(workflow: Definition, state: RunState) -> None:
    for key, tree in state.values.items():
        try:
            decode(tree, workflow.events)
        except Exception as error:
            raise IncompatibleRun(f"its state key {key!r} cannot be read: {error}") from error
    for invocation in state.invocations.values():
        _check_invocation(workflow, invocation)
    for stored in _flat(state.buffers.values()):
        stored.to_event(workflow.events)
    for request in state.requests.values():
        reply = request.event.to_event(workflow.events).reply
        if not workflow.accepting_steps(reply):
            raise IncompatibleRun(f"no step takes {reply.__name__} any more")


def _check_invocation(workflow: Definition, invocation: Invocation) -> None:
    step = workflow.steps.get(invocation.step)
    if step is None:
        raise IncompatibleRun(f"it has no step {invocation.step!r} any more")
    for stored in (invocation.event, invocation.request, *_flat(invocation.owned.values())):
        if stored is not None:
            stored.to_event(workflow.events)
    name = invocation.event.name
    if workflow.events[name] not in step.accepts:
        raise IncompatibleRun(f"step {step.name!r} does not take {name} any more")


def _flat(lists: Iterable[list[StoredEvent]]) -> Iterator[StoredEvent]:
    for kept in lists:
        yield from kept
