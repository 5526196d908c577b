"""The state machine. It decides what a run does next, without an event loop and without a store.

Two hosts use it: `WorkflowHandler` in memory, and the worker, which stores rows. A host starts the
ready steps, runs them, and reports the outcomes. Each decision is a `Transition`: the machine
applies it to the state and keeps it in `journal` until the host has stored or dropped it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from workflows.engine import errors
from workflows.engine.definition import Definition
from workflows.engine.events import Event, InputRequestEvent
from workflows.engine.machine.collection import check_collection
from workflows.engine.machine.compatibility import check_compatible
from workflows.engine.machine.concurrency import ConcurrencyLimiter
from workflows.engine.machine.effects import Effects
from workflows.engine.machine.emission import Emission, normalise_return
from workflows.engine.machine.error_record import describe
from workflows.engine.machine.fan_in import describe_incomplete, fan_in
from workflows.engine.machine.journal import Transition, only
from workflows.engine.machine.state import ENDED, Invocation, RunState, open_request
from workflows.engine.machine.timers import Timers
from workflows.engine.serialization.size_limits import check_state
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.engine.step import Step


class Machine:
    """A run: its state, and its invocations that run at the moment."""

    def __init__(self, workflow: Definition, run_id: str, state: RunState | None = None) -> None:
        self.workflow = workflow
        self.run_id = run_id
        self.name = f"Run {run_id} of {workflow.name!r}"  # for error texts
        self.state = state or RunState()
        self.events = workflow.events
        self.values = self.state.values  # the same dict
        self.journal: list[Transition] = []
        self.in_flight: dict[int, Invocation] = {}
        self.failure: BaseException | None = None  # the error, if this process raised it
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # a host may have its own
        # The limits that a host has for requests.
        self.validate_request: Callable[[StoredEvent], None] | None = None
        invocations = self.state.invocations.values()
        self._ready = deque([one.id for one in invocations if one.due is None])
        self.limiter = ConcurrencyLimiter()
        self._timers = Timers(self.state)

    # Steps that may begin

    def start_ready(self) -> list[Invocation]:
        """Return the invocations that begin now, and count them as running."""
        if self.state.status != "running":
            return []
        if self._timers.retries:
            self._ready.extend(self._timers.take_due(self.clock()))
        taken = []
        while queue := self.limiter.ready or self._ready:
            invocation = self.state.invocations.get(queue.popleft())
            if invocation is None or invocation.id in self.in_flight:
                continue
            limit = self.workflow.steps[invocation.step].max_concurrency
            if limit is not None and not self.limiter.acquire(invocation, limit):
                continue
            self.in_flight[invocation.id] = invocation
            taken.append(invocation)
        return taken

    def release(self, step: Step) -> None:
        """Free the slot of an invocation after its function has ended."""
        if step.max_concurrency is not None:
            self.limiter.release(step.name)

    @property
    def next_due(self) -> datetime | None:
        """The time of the next retry, None if there is none."""
        retries = self._timers.retries
        return retries[0][0] if retries else None

    @property
    def timed(self) -> bool:
        """True if a retry or a deadline is due later."""
        timers = self._timers
        return bool(timers.retries or timers.deadlines)

    @property
    def idle(self) -> bool:
        """True if no step runs and none may begin without a timer or an answer."""
        if self.in_flight:
            return False
        return self.state.status != "running" or not (self._ready or self.limiter)

    @property
    def ended(self) -> bool:
        """True once the run has completed, failed or been cancelled."""
        return self.state.status in ENDED

    def awaiting_handler(self) -> list[str]:
        """Return the open requests that the input handler has not declined."""
        return [key for key, one in self.state.requests.items() if not one.declined]

    # Outcomes of steps

    def start(self, event: StoredEvent) -> None:
        """Begin the run with its input, an event of the workflow's start class."""
        steps = self.workflow.accepting_steps(self.workflow.start_class)
        ids = self._new_ids(len(steps))
        self._record("started", event=event, invocations=ids, steps=list(steps))
        self._ready.extend(ids)

    def complete(
        self, invocation: Invocation, returned: Any, effects: Effects | None, duration: float
    ) -> None:
        """Apply the writes, events and requests of a step. If they are invalid, fail the step."""
        self.in_flight.pop(invocation.id, None)
        if self.state.ended:
            return
        try:
            self._commit(invocation, returned, effects, duration)
        except BaseException as error:  # an error of an author's `update` or serializer
            if errors.is_own(error):
                self._fail_run(invocation.step, error, duration)
            else:
                self.fail(invocation, error, duration)

    def fail(self, invocation: Invocation, error: BaseException, duration: float) -> None:
        """Schedule a retry of the step, or fail the run if no retries are left."""
        self.in_flight.pop(invocation.id, None)
        if self.state.ended:
            return
        step = self.workflow.steps[invocation.step]
        if invocation.failures >= step.retries:
            self._fail_run(step.name, error, duration)
            return
        due = self.clock() + step.delay(invocation.failures)
        self._record(
            "step_retried", step.name, duration,
            invocation=invocation.id, attempt=invocation.failures + 1,
            error=describe(error, step.name), due=due.isoformat(),
        )  # fmt: skip
        self._timers.add_retry(due, invocation.id)

    def collect(
        self, invocation: Invocation, asked: Sequence[type[Event]], under: str | None = None
    ) -> list[Any] | None:
        """Count a contribution to a fan-in; return the whole list if it is complete."""
        names = check_collection(invocation, asked, under)
        key = fan_in(invocation.step, names, under)
        if key not in invocation.collected:
            data = {"asked": names} if under is None else {"names": names, "key": under}
            self._record("collected", invocation.step, invocation=invocation.id, **data)
        owned = invocation.owned.get(key)
        return None if owned is None else [one.to_event(self.events) for one in owned]

    # Input from outside

    def check_open(self, request_id: str) -> InputRequestEvent:
        """Return the open request; raise the error that says why it accepts no answer."""
        asked = open_request(self.name, self.state, request_id)
        event: InputRequestEvent = asked.to_event(self.events)
        return event

    def answer(
        self, request_id: str, response: Any, *, by: str = "", source: str = "", edits: Any = None
    ) -> None:
        """Route an answer that `check_reply` has checked. Raise the errors of `check_open`."""
        asked = open_request(self.name, self.state, request_id).name
        reply = self.workflow.request_class(asked).reply
        steps = self.workflow.accepting_steps(reply)
        ids = self._new_ids(len(steps))
        self._record(
            "answered", request_id=request_id, response=response, by=by, source=source,
            reply=reply.__name__, invocations=ids, steps=list(steps), **only(edits=edits),
        )  # fmt: skip
        self._ready.extend(ids)

    def decline(self, request_id: str) -> None:
        """Record that the input handler does not answer the request."""
        if not self.state.ended and request_id in self.state.requests:
            self._record("declined", request_id=request_id)

    def discard(self, request_id: str) -> None:
        """Record an answer that came too late."""
        self._record("discarded", request_id=request_id)

    def expire(self, request_id: str) -> None:
        """Fail the run because nobody answered in time."""
        if self.state.ended or request_id not in self.state.requests:
            return
        step = self.state.requests[request_id].step
        self._record("expired", step, request_id=request_id)
        text = f"{self}: nobody answered request {request_id!r} before its deadline."
        self._fail_run(step, errors.RequestExpired(text))

    @property
    def next_deadline(self) -> datetime | None:
        """The time at which the next open request expires, for hosts without own deadlines."""
        return self._timers.next_deadline(self.state.requests)

    def expire_overdue(self) -> None:
        """Apply the deadline policy of the next overdue request, in a running run."""
        deadline = self.next_deadline
        if deadline is not None and self.state.status == "running" and deadline <= self.clock():
            self._apply_deadline_policy(self._timers.take_deadline())

    def _apply_deadline_policy(self, request_id: str) -> None:
        """Apply the deadline policy of an open request: fail, answer by default, or stay open."""
        event = self.state.requests[request_id].event.to_event(self.events)
        if event.on_deadline == "default":
            self.answer(request_id, event.default_response, source="deadline")
        elif event.on_deadline == "fail":
            self.expire(request_id)

    def pause(self, *, by: str = "") -> None:
        """Begin no new step."""
        if self.state.status == "running":
            self._record("paused", by=by)

    def resume(self, *, by: str = "") -> None:
        """Continue after a pause."""
        if self.state.status == "paused":
            self._record("resumed", by=by)

    def cancel(self, *, by: str = "") -> None:
        """End the run without a result."""
        if not self.state.ended:
            self._record("cancelled", by=by)

    def fail_handler(self, error: errors.WorkflowError) -> None:
        """Fail the run because its input handler answered a wrong request."""
        if not self.state.ended:
            self._fail_run("", error)

    def check_stalled(self) -> None:
        """Fail a run that can never continue. The error names its incomplete fan-ins."""
        state = self.state
        if state.status != "running" or state.invocations or state.requests:
            return
        kept = "; ".join(describe_incomplete(state.buffers))
        incomplete = f" Half-filled: {kept}." if kept else ""
        text = f"{self}: nothing is left to do and no step returned a StopEvent.{incomplete}"
        self._fail_run("", errors.WorkflowStalled(text))

    def check_compatible(self) -> None:
        """Raise `IncompatibleRun` if the state of the run does not fit the present workflow."""
        check_compatible(self.name, self.workflow, self.state)

    def __str__(self) -> str:
        """Return the name of the run, for error texts."""
        return self.name

    # Internal methods

    def _commit(
        self, invocation: Invocation, returned: Any, effects: Effects | None, duration: float
    ) -> None:
        into = Emission(self.workflow, self.state, self.name, invocation.step)
        events = normalise_return(invocation.step, returned, effects.sent if effects else ())
        into.add_all(events, self.clock, self.validate_request)
        writes = effects.writes(self.state.values) if effects else {}
        check_state(self.state.values, writes) if writes else None
        self._record(
            "step_completed", invocation.step, duration,
            invocation=invocation.id, attempt=invocation.failures + 1, set=writes,
            events=into.events, spawn=into.spawn, requests=into.requests,
        )  # fmt: skip
        self._ready.extend(one[0] for one in into.spawn)
        for request in into.requests:
            key = request["id"]
            self._timers.add_deadline(self.state.requests[key].deadline, key)
        if into.ends:
            self._record("completed", result=into.result)

    def _fail_run(self, step: str, error: BaseException, duration: float | None = None) -> None:
        self.failure = error
        self._record("failed", step, duration, error=describe(error, step))

    def _record(
        self, kind: str, step: str = "", duration: float | None = None, /, **data: Any
    ) -> None:
        entry = Transition(kind, data, step, duration)
        self.state.apply(entry)
        self.journal.append(entry)

    def _new_ids(self, count: int) -> list[int]:
        return list(range(self.state.next_id, self.state.next_id + count))
