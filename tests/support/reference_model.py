"""The expected state of a durable run, computed by the engine without rows, clock or loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.engine.machine_harness import Bench, Trial
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.engine.machine.journal import Transition
from workflows.engine.machine.machine import Machine
from workflows.engine.machine.state import RunState
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.engine.snapshot import write_state

broken: set[str] = set()  # steps that raise, in the model and in the worker


class Part(Event):
    number: int


class Chore(Event):
    pass


class Done(Event):
    what: str


def count(name: str, ctx: Context) -> None:
    ctx.update("count", lambda n: (n or 0) + 1)
    if name in broken:
        raise ValueError(f"{name} is broken")


@step
async def split(event: StartEvent, ctx: Context) -> list[Part | Chore]:
    return [Part(number=1), Chore(), Part(number=2)]


@step
async def ask(event: Part, ctx: Context) -> InputRequestEvent:
    count("ask", ctx)
    return InputRequestEvent(request_id=f"part-{event.number}", prompt="Part?")


@step(retries=1, retry_delay=0)
async def chore(event: Chore, ctx: Context) -> Done:
    count("chore", ctx)
    return Done(what="chore")


@step
async def take(event: InputResponseEvent, ctx: Context) -> Done | StopEvent:
    count("take", ctx)
    said = f"{event.request_id} {event.approved} {ctx.answered_by}"
    if event.request_id == "last":
        return StopEvent(result={"count": ctx.get("count"), "parts": ctx.get("parts"), "at": said})
    return Done(what=said)


@step
async def join(event: Done, ctx: Context) -> InputRequestEvent | None:
    found = ctx.collect_events(event, [Done, Done, Done])
    if found is None:
        return None
    ctx.set("parts", sorted(one.what for one in found))
    return InputRequestEvent(request_id="last", prompt="All?")


WORKFLOW = Workflow("twin", steps=[split, ask, chore, take, join])


@dataclass
class Asked:
    """The expected row of a request: who answered it, and how."""

    status: str = "pending"
    by: str = ""
    approved: bool | None = None


@dataclass
class PendingDelivery:
    """A delivery that is applied when the run is driven."""

    kind: str
    request_id: str = ""
    by: str = ""
    approved: bool | None = None


class QuickBench(Bench):
    """A bench for steps that are coroutine functions and never wait."""

    def run_all(self) -> None:
        """Run all steps that can begin, each round in parallel, until none can."""
        while trials := self.take():
            outcomes = [(trial, self._outcome(trial)) for trial in trials]
            for trial, outcome in outcomes:
                if isinstance(outcome, Exception):
                    self.crash(trial, outcome)
                else:
                    self.finish(trial, outcome)

    def _outcome(self, trial: Trial) -> Any:
        """Call the step; return what it returns or raises."""
        called = self.machine.workflow.steps[trial.invocation.step]
        try:
            return _at_once(called.invoke(trial.event, trial.context))
        except Exception as error:
            return error


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("this step waits for something")


@dataclass
class ReferenceRun:
    """The expected state of one run: the status of its row, state, journal, requests, deliveries.

    Between two drives, an action of a person changes the machine at once if no worker has the
    run; otherwise it waits as a delivery. A crashed worker leaves the run `running`, with an
    expired lease.
    """

    status: str = "queued"
    bench: Bench = field(default_factory=lambda: QuickBench(WORKFLOW, state=RunState()))
    journal: list[tuple[str, str]] = field(default_factory=list)
    requests: dict[str, Asked] = field(default_factory=dict)
    deliveries: list[PendingDelivery] = field(default_factory=list)
    crash_count: int = 0
    idle_since_recovery: bool = False

    @property
    def ended(self) -> bool:
        """True if the run has ended; a retry may reopen it."""
        return self.status in ("completed", "failed", "cancelled")

    @property
    def machine(self) -> Machine:
        """The machine in its present state."""
        return self.bench.machine

    def state(self) -> dict[str, Any]:
        """Return the state without times and tracebacks, for comparisons."""
        return comparable(self.machine.state)

    # What people do

    def deliver(self, delivery: PendingDelivery) -> None:
        """Add a delivery for the run, and wake the run."""
        self.deliveries.append(delivery)
        if self.status == "waiting":
            self.status = "queued"

    def answer(self, request_id: str, by: str, approved: bool) -> None:
        """Answer a pending request."""
        self.requests[request_id] = Asked("answered", by, approved)
        self.deliver(PendingDelivery("answer", request_id, by, approved))

    def expire(self, request_id: str) -> None:
        """Close a pending request after its deadline."""
        self.requests[request_id].status = "expired"
        self.deliver(PendingDelivery("expire", request_id))

    def pause(self) -> None:
        """Pause at once, or by a delivery if a worker has the run."""
        self._act("pause", "paused", Machine.pause)

    def resume(self) -> None:
        """Resume the run."""
        self._act("resume", "queued", Machine.resume)

    def cancel(self) -> None:
        """Cancel the run; its pending requests close."""
        self.machine.cancel()
        self._settle("cancelled")

    def retry(self) -> None:
        """Continue after a failure; requests that closed with the run are open again."""
        entry = Transition("reopened", {"by": ""})
        self.machine.state.apply(entry)
        self.machine.journal.append(entry)
        for asked in self.requests.values():
            if asked.status in ("cancelled", "expired"):
                asked.status = "pending"
        self.crash_count = 0
        self._settle("queued")

    # What workers do

    def lease(self, *, begins: bool = True) -> None:
        """Be leased by a worker that crashes before it stores anything.

        The next lease counts a crash only if a step of the run had begun.
        """
        self.crash_count += self.status == "running" and not self.idle_since_recovery
        self.status = "running"
        self.idle_since_recovery = not begins and self.crash_count > 0

    def begin(self) -> None:
        """Apply the deliveries, and store the result."""
        self.lease()
        self.bench = self._reloaded()
        if not self.machine.state.begun:
            self.machine.start(StoredEvent.from_event(WORKFLOW.start_event({})))
        kept = [one for one in self.deliveries if not self._apply(one)]
        self._note_progress()
        self.deliveries = kept
        self._settle(self._rest() if self.machine.idle else "running")

    def drive(self) -> None:
        """Run all steps until the run is idle."""
        if self.status not in ("queued", "running"):
            return
        self.begin()
        self.bench = self._reloaded()
        self.bench.run_all()
        self.machine.check_stalled()
        self._note_progress()
        self._settle(self._rest())

    def _note_progress(self) -> None:
        if self.machine.journal:
            self.crash_count = 0

    def _rest(self) -> str:
        status = self.machine.state.status
        return "waiting" if status == "running" else status

    def _apply(self, delivery: PendingDelivery) -> bool:
        """Apply a delivery; return False for an answer that waits for a retry."""
        if delivery.kind == "answer":
            if self.machine.state.status == "failed":
                return False
            self.machine.answer(
                delivery.request_id, {"approved": delivery.approved}, by=delivery.by
            )
        elif delivery.kind == "expire":
            self.machine.expire(delivery.request_id)
        elif delivery.kind == "pause":
            self.machine.pause()
        else:
            self.machine.resume()
        return True

    def _act(self, kind: str, status: str, verb: Callable[[Machine], None]) -> None:
        if self.status == "running":
            self.deliveries.append(PendingDelivery(kind))
            return
        verb(self.machine)
        self._settle(status)

    def _settle(self, status: str) -> None:
        """Move the journal of the machine into this model, and open and close its requests."""
        for entry in self.machine.journal:
            self.journal.append((entry.kind, entry.step))
            for one in entry.data.get("requests", ()):
                self.requests[one["id"]] = Asked()
        self.bench = self._reloaded()
        self.status = status
        if self.ended:
            for asked in self.requests.values():
                if asked.status == "pending":
                    asked.status = "cancelled"

    def _reloaded(self) -> Bench:
        bench = QuickBench(WORKFLOW, state=self.bench.reload().machine.state)
        bench.now = self.bench.now
        return bench


def comparable(state: RunState) -> dict[str, Any]:
    """Return the parts of a state that must be equal: all but times and tracebacks."""
    plain = write_state(state)
    error = plain.pop("error")
    plain["error"] = error and (error["kind"], error["message"].partition(":")[2], error["step"])
    plain["invocations"] = sorted(
        (one.id, one.step, one.failures, one.answered_by) for one in state.invocations.values()
    )
    plain["requests"] = sorted(state.requests)
    return plain
