"""The context of a step: what a step may read and do."""

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
    """The interface of the invocation that a context belongs to."""

    id: int
    step: str
    event: StoredEvent
    failures: int
    request: StoredEvent | None
    answered_by: str


class PendingEffects(Protocol):
    """The interface of the writes and events of an attempt, until its step completes."""

    sent: list[Event]

    def get(self, committed: Mapping[str, Any], key: str, default: Any) -> Any:
        """Return a copy of the value under `key`."""

    def set(self, key: str, value: Any) -> None:
        """Add a write."""

    def update(self, committed: Mapping[str, Any], key: str, function: Callable[[Any], Any]) -> Any:
        """Add an update, and return its result on the present value."""


class Run(Protocol):
    """The interface of the run that a context belongs to. `values` are committed and encoded.

    `str()` of it names the run in error texts.
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
        """Count a contribution to a fan-in; return the whole list if it is complete."""


class StepHost(Protocol):
    """The interface of the host that runs steps. Steps call it from any thread."""

    session: dict[str, Any]

    def call(self, function: Callable[[], Any]) -> Any:
        """Run `function` on the thread that owns the run's state, and return its result."""

    def stream(self, event: Event) -> None:
        """Publish an event to the followers of the run."""

    def progress(self, fraction: float, text: str, step: str = "") -> None:
        """Publish the progress of the run, reported by `step`."""


class Context:
    """One attempt of one step at one event.

    Writes and sent events take effect when the step completes, or not at all. `progress` and
    `write_event_to_stream` take effect at once. All of them raise `ContextClosed` after the attempt
    has ended.
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
        """The number of this attempt at the event, from 1."""
        return self._invocation.failures + 1

    @property
    def idempotency_key(self) -> str:
        """A unique key for this event at this step. It is the same for every attempt."""
        return f"{self._run.run_id}:{self._invocation.id}"

    @property
    def request(self) -> InputRequestEvent | None:
        """The request that the event answers; None if the event is no answer."""
        stored = self._invocation.request
        return stored.to_event(self._run.events) if stored else None

    @property
    def effective_payload(self) -> Any:
        """The payload that was approved: the request's payload with the reviewers' edits."""
        stored = self._invocation.request
        if stored is None:
            return None
        edits = self._invocation.event.data().get("edits")
        return deepcopy(apply_edits(stored.data().get("payload"), edits))

    @property
    def answered_by(self) -> str:
        """The user name of the person who answered, empty for the system."""
        return self._invocation.answered_by

    @property
    def session(self) -> dict[str, Any]:
        """Objects in memory, shared by the steps of the run in this process, and never stored."""
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
        """Write `function(value)` and return it. `value` is None if the key has no value.

        The function runs again on the committed value when the step completes, so it must be pure.
        """
        self._check_open()
        return self._effects.update(self._run.values, key, function)

    def send_event(self, event: Event) -> None:
        """Emit an event, like the events that the step returns."""
        self._check_open()
        kind: type[object] = type(event)
        if not issubclass(kind, Event):
            raise InvalidReturn(
                f"Step {self._invocation.step!r} sent a {kind.__name__!r}, which is no event."
            )
        self._effects.sent.append(event)

    def write_event_to_stream(self, event: Event) -> None:
        """Publish an event to the followers of the run, at once. A retry may repeat it."""
        self._check_open()
        self._host.stream(event)

    def progress(self, fraction: float, text: str = "") -> None:
        """Show the progress of the run, from 0 to 1, at once. The last report is shown.

        It is shown until the step completes.
        """
        self._check_open()
        fraction = float(fraction)
        known = fraction if fraction == fraction else 0.0  # NaN cannot be shown
        share = min(max(known, 0.0), 1.0)
        self._host.progress(share, clean_text(str(text)), self._invocation.step)

    def collect_events(
        self, event: Event, asked: Sequence[type[Event]], *, key: str | None = None
    ) -> list[Any] | None:
        """Collect a set of events. Return the list, in the order asked, or None if incomplete.

        `event` is the one that the step was called with. This call adds it to the set, once over
        all attempts. The invocation that completes the set gets the list.

        Sets with different keys are separate. A `key` is a text of at most 200 characters. Give one
        if two sets of the same events may be collected at once, such as the parts of two documents.
        Without a key, a list may contain parts of both.
        """
        self._check_open()
        found: list[Any] | None = self._host.call(lambda: self._collect(event, asked, key))
        return found

    def close(self) -> None:
        """Refuse all later calls of the attempt."""
        self._closed = True

    def _collect(
        self, event: Event, asked: Sequence[type[Event]], key: str | None
    ) -> list[Any] | None:
        """Collect, on the thread that owns the run's state. The attempt may have ended by now."""
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
