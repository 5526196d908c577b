"""Runs a workflow in this process, on an event loop and without a database."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any
from uuid import uuid4

from workflows.engine import errors
from workflows.engine.definition import Definition
from workflows.engine.events import Event, InputRequestEvent, InputResponseEvent
from workflows.engine.execution.attempt import GRACE_PERIOD, Attempt
from workflows.engine.execution.notifier import Notifier
from workflows.engine.execution.tasks import StepTask, is_stopped
from workflows.engine.machine.error_record import describe, to_exception, wrong_request_error
from workflows.engine.machine.machine import Machine
from workflows.engine.machine.state import Invocation
from workflows.engine.requests.payload_edits import check_edits
from workflows.engine.serialization.run_result import decode_result
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.engine.snapshot import WorkflowSnapshot

logger = logging.getLogger(__name__)

STEPS_PER_SLICE = 16  # steps of one run, one after another, before other tasks of the loop run


class WorkflowHandler:
    """A run in memory. All methods may be called at any time."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._tasks: set[StepTask] = set()
        self._asked: set[str] = set()
        self._stream: list[Event] = []
        self._notifier = Notifier()
        self._timer: asyncio.TimerHandle | None = None
        self._swept = False  # the tasks of the ended run were stopped
        # Steps begin in the context of the run's starter, not in that of the step before.
        self._variables = contextvars.copy_context()
        self.session: dict[str, Any] = {}
        self.fraction: tuple[float, str] | None = None

    @classmethod
    def start(cls, workflow: Definition, event: StoredEvent) -> WorkflowHandler:
        """Begin a run with this input."""
        handler = cls(Machine(workflow, str(uuid4())))
        handler._machine.start(event)
        handler._pump()
        return handler

    @classmethod
    def resume(cls, workflow: Definition, snapshot: WorkflowSnapshot) -> WorkflowHandler:
        """Continue from a snapshot. Raise `IncompatibleRun` if it does not fit the workflow."""
        machine = Machine(workflow, snapshot.run_id, snapshot.state())
        if not machine.state.ended:
            machine.check_compatible()
        machine.resume()
        handler = cls(machine)
        handler._pump()
        return handler

    @property
    def run_id(self) -> str:
        """The run's id, the same after a resume."""
        return self._machine.run_id

    @property
    def status(self) -> str:
        """`running`, `waiting`, `paused`, `completed`, `failed` or `cancelled`."""
        waits = self._machine.state.status == "running" and self._machine.idle
        return "waiting" if waits else self._machine.state.status

    @property
    def pending_requests(self) -> list[InputRequestEvent]:
        """The open requests, oldest first."""
        if self._machine.state.ended:
            return []
        events = self._machine.workflow.events
        return [one.event.to_event(events) for one in self._machine.state.requests.values()]

    async def send_input(self, response: InputResponseEvent) -> None:
        """Answer a request.

        Raise `UnknownRequest`, `AlreadyAnswered`, `RequestClosed` or `InvalidReply`. Then the
        request is unchanged.
        """
        self._answer(response, source="handler.send_input")
        self._pump()

    async def pause(self) -> None:
        """Begin no new step. Running steps end, and answers are kept."""
        self._machine.pause()
        self._pump()

    async def resume_in_place(self) -> None:
        """Continue after a pause."""
        self._machine.resume()
        self._pump()

    async def cancel(self) -> None:
        """Cancel the run, and wait until its steps have ended, for a second at most.

        A step that ignores its cancellation runs on, and its later results are ignored.
        """
        self._machine.cancel()
        self._pump()
        if others := self._tasks - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=GRACE_PERIOD)

    async def snapshot(self, *, wait: bool = True) -> WorkflowSnapshot:
        """Return the run's state. With `wait`, when it next waits, is paused or has ended."""
        while wait and not self._machine.idle and not self._machine.state.ended:
            await self._notifier.wait()
        machine = self._machine
        return WorkflowSnapshot.of(
            machine.workflow.name, machine.workflow.signature, machine.run_id, machine.state
        )

    async def result(self) -> Any:
        """Wait for the end and return the result of the `StopEvent`.

        If the run failed, raise its error: an error of the engine, or `StepFailed` from the
        error of the step. If it was cancelled, raise `WorkflowCancelled`.
        """
        while not self._machine.state.ended:
            await self._notifier.wait()
        state = self._machine.state
        if state.status == "completed":
            return decode_result(state.result, self._machine.workflow.events)
        if state.status == "cancelled":
            raise errors.WorkflowCancelled(f"{self._machine} was cancelled.")
        failure = self._machine.failure
        error = to_exception(self._machine.name, state.error, failure)
        if error is failure:
            raise error
        raise error from failure

    async def stream_events(self) -> AsyncIterator[Event]:
        """Iterate over the events of the stream, from the first one, until the run ends."""
        at = 0
        while True:
            while at < len(self._stream):
                at += 1
                yield self._stream[at - 1]
            if self._machine.state.ended:
                return
            await self._notifier.wait()

    # Methods that steps call through their context

    def call(self, function: Callable[[], Any]) -> Any:
        """Run `function` on the loop's thread. Steps may call this from any thread."""
        if threading.get_ident() == self._thread:
            return function()
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future.result()

    def stream(self, event: Event) -> None:
        """Add an event to the stream."""

        def add() -> None:
            self._stream.append(event)
            self._notifier.notify_all()

        self.call(add)

    def progress(self, fraction: float, text: str, step: str = "") -> None:
        """Store the last report of the progress."""
        self.fraction = (fraction, text)

    # Internal methods

    def _pump(self, *, goes_on: bool = False) -> Invocation | None:
        """Begin the steps that are ready, and notify waiting tasks of the change.

        If the caller `goes_on`, it runs one of the invocations itself: this one is returned.
        """
        machine = self._machine
        if machine.timed:
            machine.expire_overdue()
        taken = machine.start_ready()
        here = taken.pop(0) if goes_on and taken else None
        for invocation in taken:
            self._spawn(self._run(invocation))
        if machine.workflow.input_handler is not None:
            self._ask_handler()
        if machine.idle and machine.next_due is None:
            machine.check_stalled()
        machine.journal.clear()
        if self._timer is not None or machine.timed:
            self._set_timer()
        if machine.state.ended and not self._swept:
            self._swept = True  # a second cancellation would interrupt cleanup
            current = asyncio.current_task()
            for task in self._tasks:
                if task is not current:
                    task.stop()
        self._notifier.notify_all()
        return here

    async def _run(self, invocation: Invocation) -> None:
        """Run a step, and then, in the same task, a step that follows from it.

        The task is used again only if the step has not changed it. The next step must not see a
        context variable that this one has set, or a cancellation that it ignored or scheduled.
        """
        task, untouched = asyncio.current_task(), contextvars.copy_context()
        assert isinstance(task, StepTask)
        references = task.references()
        for count in itertools.count(1):
            attempt = Attempt(self._machine, invocation, self, on_late_end=self._pump)
            await attempt.run(task)
            attempt.report()
            clean = task.is_as_new(references) and contextvars.copy_context() == untouched
            following = self._pump(goes_on=clean)
            if following is None:
                return
            invocation = following
            if count % STEPS_PER_SLICE == 0:
                await asyncio.sleep(0)

    def _spawn(self, coroutine: Any) -> None:
        task = StepTask(coroutine, loop=self._loop, context=self._variables.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ask_handler(self) -> None:
        if self._machine.state.status != "running":
            return
        for request_id in self._machine.awaiting_handler():
            if request_id not in self._asked:
                self._asked.add(request_id)
                self._spawn(self._ask(request_id))

    async def _ask(self, request_id: str) -> None:
        handler, task = self._machine.workflow.input_handler, asyncio.current_task()
        assert handler is not None
        try:
            response = await handler(self._machine.check_open(request_id))
            if response is None:
                self._machine.decline(request_id)
            elif response.request_id != request_id:
                self._machine.fail_handler(
                    wrong_request_error(self._machine.name, request_id, response)
                )
            else:
                self._answer(response, source="handler")
        except (errors.AlreadyAnswered, errors.RequestClosed):
            logger.info(
                "%s: %r was closed before the input handler answered.", self._machine, request_id
            )
        except BaseException as error:
            if is_stopped(error, task):
                raise
            trace = describe(error, "")["traceback"]
            logger.error(
                "%s: the input handler failed; people may answer.\n%s", self._machine, trace
            )
            self._machine.decline(request_id)
        self._pump()

    def _answer(self, response: InputResponseEvent, source: str) -> None:
        request = self._machine.check_open(response.request_id)
        name = type(request).__name__
        plain = self._machine.workflow.check_reply(name, request.allow, response)
        edits = check_edits(
            request.editable, request.payload, response.edits, request.editable_types
        )
        self._machine.answer(response.request_id, plain, source=source, edits=edits)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        machine = self._machine
        due = [time for time in (machine.next_due, machine.next_deadline) if time is not None]
        if due and machine.state.status == "running":
            delay = max(0.0, (min(due) - machine.clock()).total_seconds())
            self._timer = self._loop.call_later(delay, self._pump)
