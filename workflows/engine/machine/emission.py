"""What a completed step emits: events routed, requests opened, and perhaps the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workflows.engine import errors
from workflows.engine.events import Event, InputRequestEvent, StopEvent
from workflows.engine.machine.state import Invocation
from workflows.engine.requests.options import check_terms, with_default
from workflows.engine.requests.payload import with_plain_payload
from workflows.engine.serialization.run_result import encode_result
from workflows.engine.serialization.size_limits import FEW, check_together
from workflows.engine.serialization.stored_event import Held

if TYPE_CHECKING:
    from workflows.engine.machine.machine import Machine


LONGEST_REQUEST_ID = 200  # what its column holds


class Emission:
    """`spawn` lists (invocation, step, index into `events`); `result` is there if it `ends`."""

    __slots__ = ("ends", "events", "requests", "result", "spawn")

    def __init__(self) -> None:
        self.events: list[Held] = []
        self.spawn: list[tuple[int, str, int]] = []
        self.requests: list[dict[str, Any]] = []
        self.ends = False
        self.result: Any = None

    def route(self, event: Event, steps: Iterable[str], next_id: int) -> None:
        """Let these steps take the event, under ids from `next_id` on."""
        at = len(self.events)
        for step in steps:
            self.spawn.append((next_id + len(self.spawn), step, at))
        self.events.append(Held.of(event))


def emitted(step: str, returned: Any, sent: Sequence[Event]) -> Sequence[Event]:
    """Return the sent and the returned events; raise `InvalidReturn` for anything else."""
    if isinstance(returned, Event):
        return (*sent, returned)
    if returned is None:
        return sent
    if isinstance(returned, (list, tuple)) and all(isinstance(one, Event) for one in returned):
        return (*sent, *returned)
    raise errors.InvalidReturn(
        f"Step {step!r} returned {type(returned).__name__!r}; "
        "a step returns an event, a list of events or None."
    )


def emit(machine: Machine, invocation: Invocation, events: Sequence[Event]) -> Emission:
    """Route what a step emitted, and change nothing. Deadlines count from now.

    Raise `UnroutableEvent`, `UnansweredRequest`, `DuplicateRequest`, `BadRequest` or
    `UnstorableValue`, naming run and step; then none of it counts.
    """
    into = Emission()
    for event in events:
        try:
            steps = machine.workflow.takers(type(event))
            if steps:
                into.route(event, steps, machine.state.next_id)
            else:
                _emit_one(machine, invocation.step, event, into)
        except errors.UnstorableValue as error:
            raise errors.UnstorableValue(f"{machine}: step {invocation.step!r}: {error}") from error
    if len(events) > FEW:
        held = (*into.events, *(one["event"] for one in into.requests))
        what = f"{machine}: the events of step {invocation.step!r}"
        check_together(what, [one.data() for one in held])
    return into


def _emit_one(machine: Machine, step: str, event: Event, into: Emission) -> None:
    """Take what is routed to no step: the end, and what people are asked."""
    where = f"{machine}: step {step!r}"
    if isinstance(event, StopEvent):
        if not into.ends:
            into.ends, into.result = True, _encode_result(machine, event)
    elif isinstance(event, InputRequestEvent):
        request = _open(machine, where, event, into)
        if event.due_in is not None:
            request["deadline"] = (machine.clock() + event.due_in).isoformat()
        into.requests.append(request)
    else:
        named = machine.workflow.steps[step].returns
        also = "" if named is None else " and which its annotation does not name"
        name = type(event).__name__
        raise errors.UnroutableEvent(f"{where} emitted {name}, which no step takes{also}.")


def _encode_result(machine: Machine, stop: StopEvent) -> Any:
    try:
        return encode_result(stop, machine.workflow.events)
    except errors.UnstorableValue as error:
        raise errors.UnstorableValue(f"its result: {error}") from error


def _open(machine: Machine, where: str, event: InputRequestEvent, into: Emission) -> dict[str, Any]:
    name, key, state = type(event).__name__, event.request_id, machine.state
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_REQUEST_ID:
        raise errors.BadRequest(
            f"{where} asked {name}, but its field 'request_id' is no text of 1 to "
            f"{LONGEST_REQUEST_ID} characters."
        )
    used = key in state.requests or key in state.closed
    if used or any(one["id"] == key for one in into.requests):
        raise errors.DuplicateRequest(f"{where} used the request_id {key!r} a second time.")
    if machine.workflow.events.get(name) is not type(event):
        raise errors.UnroutableEvent(f"{where} asked {name}, which no annotation declares.")
    if not machine.workflow.takers(event.reply):
        raise errors.UnansweredRequest(
            f"{where} asked {name}, but no step takes its reply {event.reply.__name__}."
        )
    check_terms(where, event)
    held = Held.of(with_plain_payload(with_default(where, event)))
    if machine.admit is not None:
        machine.admit(held)
    return {"id": key, "own": event.made_its_id, "event": held, "deadline": None}
