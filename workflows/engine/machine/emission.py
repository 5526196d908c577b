"""The emission of a completed step: routed events, new requests, and the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from workflows.engine import errors
from workflows.engine.definition import Definition
from workflows.engine.events import Event, InputRequestEvent, StopEvent
from workflows.engine.machine.state import RunState
from workflows.engine.requests.options import validate_options, with_default
from workflows.engine.requests.payload import with_plain_payload
from workflows.engine.serialization.run_result import encode_result
from workflows.engine.serialization.size_limits import FEW, check_together
from workflows.engine.serialization.stored_event import StoredEvent

MAX_REQUEST_ID_LENGTH = 200  # the length of its column


class Emission:
    """The emission of one completed step. It reads the state of the run, and does not change it.

    `spawn` lists (invocation, step, index into `events`). `result` is set if `ends` is True. `run`
    names the run in error texts.
    """

    __slots__ = (
        "_definition", "_run", "_state", "_step", "ends", "events", "requests", "result", "spawn"
    )  # fmt: skip

    def __init__(self, definition: Definition, state: RunState, run: str, step: str) -> None:
        self._definition = definition
        self._state = state
        self._run = run
        self._step = step
        self.events: list[StoredEvent] = []
        self.spawn: list[tuple[int, str, int]] = []
        self.requests: list[dict[str, Any]] = []
        self.ends = False
        self.result: Any = None

    def add_all(
        self,
        events: Sequence[Event],
        clock: Callable[[], datetime],
        validate: Callable[[StoredEvent], None] | None,
    ) -> None:
        """Add the events of a step. Deadlines count from `clock`; `validate` may refuse a request.

        Raise `UnroutableEvent`, `UnansweredRequest`, `DuplicateRequest`, `InvalidRequestOptions` or
        `UnstorableValue`, which name run and step. Then the whole emission is invalid.
        """
        for event in events:
            try:
                if steps := self._definition.accepting_steps(type(event)):
                    self._add(event, steps)
                elif isinstance(event, StopEvent):
                    self._end(event)
                elif isinstance(event, InputRequestEvent):
                    self._ask(event, clock, validate)
                else:
                    raise self._unroutable(event)
            except errors.UnstorableValue as error:
                raise errors.UnstorableValue(
                    f"{self._run}: step {self._step!r}: {error}"
                ) from error
        if len(events) > FEW:
            stored = (*self.events, *(one["event"] for one in self.requests))
            what = f"{self._run}: the events of step {self._step!r}"
            check_together(what, [one.data() for one in stored])

    def _add(self, event: Event, steps: Iterable[str]) -> None:
        """Add an invocation with a new id for each of these steps."""
        at = len(self.events)
        for step in steps:
            self.spawn.append((self._state.next_id + len(self.spawn), step, at))
        self.events.append(StoredEvent.from_event(event))

    def _end(self, stop: StopEvent) -> None:
        """Store the result of the first event that ends the run."""
        if self.ends:
            return
        self.ends = True
        try:
            self.result = encode_result(stop, self._definition.events)
        except errors.UnstorableValue as error:
            raise errors.UnstorableValue(f"its result: {error}") from error

    def _ask(
        self,
        event: InputRequestEvent,
        clock: Callable[[], datetime],
        validate: Callable[[StoredEvent], None] | None,
    ) -> None:
        """Open a request, if it is valid and a step takes its reply."""
        self._check_request(event)
        where = f"{self._run}: step {self._step!r}"
        validate_options(where, event)
        stored = StoredEvent.from_event(with_plain_payload(with_default(where, event)))
        if validate is not None:
            validate(stored)
        deadline = None if event.due_in is None else (clock() + event.due_in).isoformat()
        key, own = event.request_id, event.has_generated_id
        self.requests.append({"id": key, "own": own, "event": stored, "deadline": deadline})

    def _check_request(self, event: InputRequestEvent) -> None:
        """Raise the error of a request whose id or class is not valid in the run."""
        name, key, state = type(event).__name__, event.request_id, self._state
        where = f"{self._run}: step {self._step!r}"
        if not isinstance(key, str) or not 0 < len(key) <= MAX_REQUEST_ID_LENGTH:
            raise errors.InvalidRequestOptions(
                f"{where} asked {name}, but its field 'request_id' is no text of 1 to "
                f"{MAX_REQUEST_ID_LENGTH} characters."
            )
        used = key in state.requests or key in state.closed
        if used or any(one["id"] == key for one in self.requests):
            raise errors.DuplicateRequest(f"{where} used the request_id {key!r} a second time.")
        if self._definition.events.get(name) is not type(event):
            raise errors.UnroutableEvent(f"{where} asked {name}, which no annotation declares.")
        if not self._definition.accepting_steps(event.reply):
            raise errors.UnansweredRequest(
                f"{where} asked {name}, but no step takes its reply {event.reply.__name__}."
            )

    def _unroutable(self, event: Event) -> errors.UnroutableEvent:
        named = self._definition.steps[self._step].returns
        also = "" if named is None else " and which its annotation does not name"
        name = type(event).__name__
        return errors.UnroutableEvent(
            f"{self._run}: step {self._step!r} emitted {name}, which no step takes{also}."
        )


def normalise_return(step: str, returned: Any, sent: Sequence[Event]) -> Sequence[Event]:
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
