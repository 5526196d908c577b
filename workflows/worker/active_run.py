"""One run that this worker has leased and loaded."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.engine import Event, WorkflowError
from workflows.engine.execution.tasks import StepTask
from workflows.engine.machine.machine import Machine
from workflows.engine.serialization.codec import event_data
from workflows.engine.serialization.run_result import readable_result
from workflows.models import Delivery, WorkflowRun
from workflows.sql.lease_runs import ISOLATE_FROM
from workflows.worker.commit.row_builder import add_rows, add_snapshot
from workflows.worker.commit.run_update import RunUpdate
from workflows.worker.loading.loader import LeasedRun

SNAPSHOT_EVERY = 100  # journal entries
ISOLATION_TIMEOUT = 30.0  # seconds that a poison run waits for an idle worker, and then runs alone
STREAM_KEPT = 20  # events that the run's page can show

Status = WorkflowRun.Status


class ActiveRun:
    """The machine of a leased run, its pending input, and its output that is not stored yet.

    The machine gets no input during a commit. The functions in `work` are called when the next
    update is built, so every step that the machine then offers follows from committed rows.

    `clock` returns the database's time. `on_change` is called with the run when it has something
    to store.
    """

    def __init__(
        self,
        leased: LeasedRun,
        clock: Callable[[], datetime],
        on_change: Callable[[ActiveRun], None],
    ) -> None:
        row = leased.row
        self.row = row
        self.on_change = on_change
        self.id: UUID = row.pk
        self.fence = row.fence
        self.delivery_count = row.delivery_count
        self.seq = row.seq
        self.snapshot_seq = row.snapshot_seq
        self.machine: Machine = leased.machine
        self.machine.clock = clock
        self.work: list[Callable[[], None]] = []
        self.tasks: set[StepTask] = set()
        self.asking: set[str] = set()
        self.asked: set[str] = set()
        self.session: dict[str, Any] = {}
        self.reported: dict[str, Any] | None = row.progress
        self.progress_dirty = False
        self.is_poison = row.crash_count >= ISOLATE_FROM
        self._since = time.monotonic()
        self._seen: set[int] = set()
        self._applied: dict[int, int] = {}  # by delivery, the `seq` at which it was applied
        self._changes_requests = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self.deliver(leased.deliveries)

    @property
    def is_isolated(self) -> bool:
        """Return True if the worker runs nothing else beside this run, which may crash it.

        The isolation ends after a while, so that a long step does not delay all other runs.
        """
        return self.is_poison and time.monotonic() - self._since < ISOLATION_TIMEOUT

    # Input

    def deliver(self, deliveries: list[Delivery]) -> None:
        """Add pending deliveries to the input, each once."""
        for one in deliveries:
            if one.pk not in self._seen:
                self._seen.add(one.pk)
                self.work.append(lambda one=one: self._apply(one))  # type: ignore[misc]

    def _apply(self, delivery: Delivery) -> None:
        data = delivery.data
        if delivery.kind == Delivery.Kind.ANSWER and self.machine.state.status == "failed":
            return  # it stays pending until the run is retried
        if delivery.kind == Delivery.Kind.PAUSE:
            self._changes_requests = True
            self.machine.pause(by=data["by"])
        elif delivery.kind == Delivery.Kind.RESUME:
            self._changes_requests = True
            self.machine.resume(by=data["by"])
        elif delivery.kind == Delivery.Kind.EXPIRE:
            self.machine.expire(data["request_id"])
        else:
            self._answer(data)
        self._applied[delivery.pk] = self.machine.state.seq

    def _answer(self, data: dict[str, Any]) -> None:
        try:
            self.machine.answer(
                data["request_id"], data["response"], by=data["by"], source=data["source"],
                edits=data.get("edits"),
            )  # fmt: skip
        except WorkflowError:
            self.machine.discard(data["request_id"])

    def catch_up(self) -> None:
        """Give the pending input to the machine."""
        for do in self.work:
            do()
        self.work.clear()

    # Output

    def build_update(self, now: datetime, *, draining: bool = False) -> RunUpdate:
        """Give the pending input to the machine, and return what has to be stored."""
        machine = self.machine
        self.catch_up()
        self._clear_progress()
        self.progress_dirty = False  # this update has it; if the update fails, the run is dropped
        idle = machine.idle and not self._is_handler_wanted()
        due = machine.next_due
        if idle and due is None:
            machine.check_stalled()
        status = self._status(idle, due, now, draining)
        state = machine.state
        update = RunUpdate(
            run_id=self.id,
            fence=self.fence,
            delivery_count=None if status == Status.RUNNING else self.delivery_count,
            seq=state.seq,
            status=status,
            snapshot_seq=self.snapshot_seq,
            signature=machine.workflow.signature,
            error=state.error,
            progress=self.reported,
            count=len(machine.journal),
            deliveries=dict(self._applied),
        )
        if status == Status.WAITING:
            update.wake_at = due
        elif status == Status.QUEUED:
            update.wake_at = now
        elif update.ends:
            update.finished_at = now
            update.closes = bool(state.requests)
            update.result = readable_result(state.result)
        add_rows(update, machine, now)
        if self._is_snapshot_due(update):
            add_snapshot(update, machine, now)
        update.changes_requests = self._changes_requests or update.closes
        return update

    def _clear_progress(self) -> None:
        """Forget the progress that a step reported, if the step has completed since."""
        step = self.reported.get("step") if self.reported else None
        if step and any(
            entry.kind == "step_completed" and entry.step == step for entry in self.machine.journal
        ):
            stream = (self.reported or {}).get("stream")
            self.reported = {"stream": stream} if stream else None

    def _is_handler_wanted(self) -> bool:
        """Return True while the input handler has not decided whether it answers."""
        handler = self.machine.workflow.input_handler
        return handler is not None and bool(self.asking or self.machine.awaiting_handler())

    def _status(self, idle: bool, due: datetime | None, now: datetime, draining: bool) -> Status:
        state = self.machine.state
        if state.ended:
            return Status(state.status)
        if draining and not self.machine.in_flight and not self.asking:
            return Status.PAUSED if state.status == "paused" else Status.QUEUED
        if not idle:
            return Status.RUNNING
        if state.status == "paused":
            return Status.PAUSED
        return Status.RUNNING if due is not None and due <= now else Status.WAITING

    def _is_snapshot_due(self, update: RunUpdate) -> bool:
        if update.ends:
            return False
        if not self.snapshot_seq and update.suspends and update.seq:
            return True
        return update.seq - self.snapshot_seq >= SNAPSHOT_EVERY

    def stored(self, update: RunUpdate) -> None:
        """Remove from the output what the database has now."""
        del self.machine.journal[: update.count]
        for pk in update.deliveries:
            self._applied.pop(pk, None)
        self._changes_requests = False
        self.is_poison = self.is_poison and not update.count
        self.seq = update.seq
        self.snapshot_seq = update.snapshot_seq

    # Methods that steps call through their context

    def call(self, function: Callable[[], Any]) -> Any:
        """Run `function` on the loop's thread. Steps may call this from any thread."""
        if threading.get_ident() == self._thread:
            return self._called(function)
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(self._called(function))
            except BaseException as error:
                future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future.result()

    def _called(self, function: Callable[[], Any]) -> Any:
        before = len(self.machine.journal)
        result = function()
        if len(self.machine.journal) != before:
            self.on_change(self)
        return result

    def stream(self, event: Event) -> None:
        """Add an event to the last few that the progress keeps. It may be lost in a crash."""
        before = self.reported or {}
        shown = {"type": type(event).__name__, "data": event_data(event)}
        kept = [*before.get("stream", []), shown]
        self.reported = {**before, "stream": kept[-STREAM_KEPT:]}
        self.progress_dirty = True

    def progress(self, fraction: float, text: str, step: str = "") -> None:
        """Show the progress of the run on its page, until `step` completes."""
        self.reported = {**(self.reported or {}), "fraction": fraction, "text": text, "step": step}
        self.progress_dirty = True
