"""What a step may see and do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Protocol

from workflows.engine.errors import CollectEventError, ContextClosed, InvalidReturn
from workflows.engine.events import Event, InputRequestEvent
from workflows.engine.requests.payload_edits import apply_edits
from workflows.engine.serialization.codec import clean_text
from workflows.engine.serialization.stored_event import StoredEvent


class CurrentInvocation(Protocol):
    """What a context reads of the invocation that it belongs to."""

    id: int
    step: str
    event: StoredEvent
    failures: int
    request: StoredEvent | None
    answered_by: str


class PendingEffects(Protocol):
    """Where an attempt keeps its writes and events until its step completes."""

    sent: list[Event]

    def get(self, committed: Mapping[str, Any], key: str, default: Any) -> Any:
        """Return a copy of the value under `key`."""

    def set(self, key: str, value: Any) -> None:
        """Keep a write."""

    def update(self, committed: Mapping[str, Any], key: str, function: Callable[[Any], Any]) -> Any:
        """Keep an update, and return what it would give now."""


class Run(Protocol):
    """What a context reads of its run. `values` are the committed ones, encoded.

    Its text names the run in sentences.
    """

    run_id: str
    events: dict[str, type[Event]]
    values: dict[str, Any]

    @property
    def ended(self) -> bool:
        """True once the run has completed, failed or been cancelled."""

    def collect(
        self, invocation: Any, asked: Sequence[type[Event]], key: str | None
    ) -> list[Any] | None:
        """Count a contribution to a fan-in; return the whole list to whoever completes it."""


class StepHost(Protocol):
    """What whoever runs steps offers to them. Called on the thread of the host or another."""

    session: dict[str, Any]

    def call(self, function: Callable[[], Any]) -> Any:
        """Run `function` where the run's state may be touched, and return what it returns."""

    def stream(self, event: Event) -> None:
        """Show an event to whoever follows the run."""

    def progress(self, fraction: float, text: str, step: str = "") -> None:
        """Tell how far the run is, as `step` reports it."""


class Context:
    """One attempt of one step at one event.

    Writes and sent events take effect when the step completes, or not at all; `progress` and
    `write_event_to_stream` at once. Raise `ContextClosed` from all of them once the attempt no
    longer counts.
    """

    def __init__(
        self, run: Run, invocation: CurrentInvocation, effects: PendingEffects, host: StepHost
    ) -> None:
        self._run = run
        self._invocation = invocation
        self._effects = effects
        self._host = host
        self._closed = False

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run.run_id

    @property
    def attempt(self) -> int:
        """Which attempt at this event this is, from 1."""
        return self._invocation.failures + 1

    @property
    def idempotency_key(self) -> str:
        """A key for this event at this step: the same for every attempt, and no other's."""
        return f"{self._run.run_id}:{self._invocation.id}"

    @property
    def request(self) -> InputRequestEvent | None:
        """The request that the event answers; None if the event is no answer."""
        stored = self._invocation.request
        return stored.to_event(self._run.events) if stored else None

    @property
    def effective_payload(self) -> Any:
        """The payload that was approved: the request's, with the reviewers' edits laid over."""
        stored = self._invocation.request
        if stored is None:
            return None
        edits = self._invocation.event.data().get("edits")
        return deepcopy(apply_edits(stored.data().get("payload"), edits))

    @property
    def answered_by(self) -> str:
        """Who answered: a user name, empty for the system."""
        return self._invocation.answered_by

    @property
    def session(self) -> dict[str, Any]:
        """Live objects of this process, shared by the run's steps and never in a snapshot."""
        return self._host.session

    def get(self, key: str, default: Any = None) -> Any:
        """Return a copy of the value under `key`."""
        self._check_open()
        return self._effects.get(self._run.values, key, default)

    def set(self, key: str, value: Any) -> None:
        """Write a value. Raise `UnstorableValue`, naming the key, if it cannot be stored."""
        self._check_open()
        self._effects.set(key, value)

    def update(self, key: str, function: Callable[[Any], Any]) -> Any:
        """Write `function(value)`, None where there is none, and return what it gives now.

        It runs again on the committed value when the step completes, so it must be pure.
        """
        self._check_open()
        return self._effects.update(self._run.values, key, function)

    def send_event(self, event: Event) -> None:
        """Emit an event, as if the step had returned it too."""
        self._check_open()
        kind: type[object] = type(event)
        if not issubclass(kind, Event):
            raise InvalidReturn(
                f"Step {self._invocation.step!r} sent a {kind.__name__!r}, which is no event."
            )
        self._effects.sent.append(event)

    def write_event_to_stream(self, event: Event) -> None:
        """Show an event to whoever follows the run. Immediate; may repeat on a retry."""
        self._check_open()
        self._host.stream(event)

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far the run is, from 0 to 1. Immediate; the last report counts.

        It is shown until the step completes.
        """
        self._check_open()
        fraction = float(fraction)
        known = fraction if fraction == fraction else 0.0  # NaN is no place on a bar
        share = min(max(known, 0.0), 1.0)
        self._host.progress(share, clean_text(str(text)), self._invocation.step)

    def collect_events(
        self, event: Event, asked: Sequence[type[Event]], *, key: str | None = None
    ) -> list[Any] | None:
        """Wait for a set of events: the list, in the order asked, once all have come, else None.

        `event` is the one that the step was called with. Its contribution counts at this call,
        once over all attempts; whoever completes the set owns the list.

        Sets with another `key`, a text of at most 200 characters, are kept apart: give one
        wherever two sets of the same events may be collected at once, such as the parts of two
        documents. Without it they cannot be distinguished, and a list may hold parts of both.
        """
        self._check_open()
        found: list[Any] | None = self._host.call(lambda: self._collect(event, asked, key))
        return found

    def close(self) -> None:
        """Let nothing that the attempt still does count."""
        self._closed = True

    def _collect(
        self, event: Event, asked: Sequence[type[Event]], key: str | None
    ) -> list[Any] | None:
        """Collect, where the run's state may be touched: the step may be late by now."""
        self._check_open()
        if type(event).__name__ != self._invocation.event.name:
            raise CollectEventError(
                f"Step {self._invocation.step!r} was called with {self._invocation.event.name}, "
                f"so it cannot contribute a {type(event).__name__}."
            )
        return self._run.collect(self._invocation, asked, key)

    def _check_open(self) -> None:
        if self._closed or self._run.ended:
            raise ContextClosed(
                f"{self._run}: step {self._invocation.step!r} goes on although it has "
                "returned, timed out, or its run has ended; what it does no longer counts."
            )
