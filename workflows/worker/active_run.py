"""A run in this worker's hands."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from workflows.engine import Event, WorkflowError, WorkflowSnapshot
from workflows.engine.execution.tasks import StepTask
from workflows.engine.machine.journal import Transition
from workflows.engine.machine.machine import Machine
from workflows.engine.machine.state import read_time
from workflows.engine.serialization.codec import event_data
from workflows.engine.serialization.run_result import readable_result
from workflows.models import Delivery, InputRequest, JournalEntry, Snapshot, WorkflowRun
from workflows.sql.lease_runs import SUSPECT_FROM
from workflows.worker.commit.row_builder import set_terms
from workflows.worker.commit.run_update import Write
from workflows.worker.loading.loader import Loaded

if TYPE_CHECKING:
    from workflows.worker.worker import Driver

SNAPSHOT_EVERY = 100  # journal entries
ALONE = 30.0  # seconds that a suspect waits for an empty worker, and then has it for itself
STREAM_KEPT = 20  # events that the run's page can show

Status = WorkflowRun.Status


class LiveRun:
    """The machine of a claimed run, what waits to be told to it, and what waits to be stored.

    Nothing reaches the machine while a commit is on its way: `work` is done when the next write
    is gathered, so that whatever the machine offers afterwards has been committed.
    """

    def __init__(self, driver: Driver, loaded: Loaded) -> None:
        row = loaded.row
        self.driver = driver
        self.row = row
        self.id: UUID = row.pk
        self.fence = row.fence
        self.inbox = row.inbox
        self.seq = row.seq
        self.snapshot_seq = row.snapshot_seq
        self.machine: Machine = loaded.machine
        self.machine.clock = driver.now
        self.work: list[Callable[[], None]] = []
        self.tasks: set[StepTask] = set()
        self.asking: set[str] = set()
        self.asked: set[str] = set()
        self.session: dict[str, Any] = {}
        self.told: dict[str, Any] | None = row.progress
        self.told_since_stored = False
        self.suspect = row.takeovers >= SUSPECT_FROM
        self._since = time.monotonic()
        self._seen: set[int] = set()
        self._applied: dict[int, int] = {}  # by delivery, the `seq` at which it was taken in
        self._changes_inbox = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self.deliver(loaded.deliveries)

    @property
    def is_alone(self) -> bool:
        """Say whether the worker takes up nothing else beside this run, which may kill it.

        A step that merely takes long must not keep everybody waiting for ever.
        """
        return self.suspect and time.monotonic() - self._since < ALONE

    # What comes in

    def deliver(self, deliveries: list[Delivery]) -> None:
        """Take in what is on its way to the run, each once."""
        for one in deliveries:
            if one.pk not in self._seen:
                self._seen.add(one.pk)
                self.work.append(lambda one=one: self._apply(one))  # type: ignore[misc]

    def _apply(self, delivery: Delivery) -> None:
        data = delivery.data
        if delivery.kind == Delivery.Kind.ANSWER and self.machine.state.status == "failed":
            return  # it stays on its way, for whoever retries the run
        if delivery.kind == Delivery.Kind.PAUSE:
            self.machine.pause(by=data["by"])
        elif delivery.kind == Delivery.Kind.RESUME:
            self.machine.resume(by=data["by"])
        elif delivery.kind == Delivery.Kind.EXPIRE:
            self.machine.expire(data["request_id"])
        else:
            self._answer(data)
        self._applied[delivery.pk] = self.machine.state.seq

    def _answer(self, data: dict[str, Any]) -> None:
        self._changes_inbox = True
        try:
            self.machine.answer(
                data["request_id"], data["response"], by=data["by"], door=data["door"],
                edits=data.get("edits"),
            )  # fmt: skip
        except WorkflowError:
            self.machine.discard(data["request_id"])

    # What goes out

    def catch_up(self) -> None:
        """Tell the machine what waits."""
        for do in self.work:
            do()
        self.work.clear()

    def gather(self, now: datetime) -> Write:
        """Tell the machine what waits, and return what has to be stored."""
        machine = self.machine
        self.catch_up()
        self._clear_progress()
        self.told_since_stored = False  # this write has it; one that fails drops the run
        resting = machine.idle and not self._handler_is_wanted()
        due = machine.next_due
        if resting and due is None:
            machine.check_stalled()
        status = self._status(resting, due, now)
        state = machine.state
        write = Write(
            run_id=self.id,
            fence=self.fence,
            inbox=None if status == Status.RUNNING else self.inbox,
            seq=state.seq,
            status=status,
            snapshot_seq=self.snapshot_seq,
            signature=machine.workflow.signature,
            error=state.error,
            progress=self.told,
            count=len(machine.journal),
            deliveries=dict(self._applied),
        )
        if status == Status.WAITING:
            write.wake_at = due
        elif status == Status.QUEUED:
            write.wake_at = now
        elif write.ends:
            write.finished_at = now
            write.closes = bool(state.requests)
            write.result = readable_result(state.result)
        self._fill(write, now)
        return write

    def _clear_progress(self) -> None:
        """Forget the progress that a step reported, if the step has completed since."""
        step = self.told.get("step") if self.told else None
        if step and any(
            entry.kind == "step_completed" and entry.step == step for entry in self.machine.journal
        ):
            stream = (self.told or {}).get("stream")
            self.told = {"stream": stream} if stream else None

    def _handler_is_wanted(self) -> bool:
        """Return True while the input handler has not said whether it answers."""
        handler = self.machine.workflow.input_handler
        return handler is not None and bool(self.asking or self.machine.awaiting_handler())

    def _status(self, resting: bool, due: datetime | None, now: datetime) -> Status:
        state = self.machine.state
        if state.ended:
            return Status(state.status)
        if self.driver.draining and not self.machine.in_flight and not self.asking:
            return Status.PAUSED if state.status == "paused" else Status.QUEUED
        if not resting:
            return Status.RUNNING
        if state.status == "paused":
            return Status.PAUSED
        return Status.RUNNING if due is not None and due <= now else Status.WAITING

    def _fill(self, write: Write, now: datetime) -> None:
        """Turn the machine's journal into rows."""
        seq = write.seq - write.count
        for entry in self.machine.journal:
            seq += 1
            write.journal.append(
                JournalEntry(
                    run_id=self.id,
                    seq=seq,
                    kind=entry.kind,
                    step=entry.step,
                    at=now,
                    duration=entry.duration,
                    data=entry.to_json(),
                )  # fmt: skip
            )
            if entry.kind == "step_completed":
                for one in entry.data["requests"]:
                    # Asked in one commit, they are listed in the order in which they were asked.
                    moment = now + timedelta(microseconds=len(write.requests))
                    write.requests.append(self._request(entry, one, moment))
        if self._snapshot_due(write):
            data = WorkflowSnapshot.of(
                self.row.workflow, write.signature, str(self.id), self.machine.state
            ).data
            write.snapshot = Snapshot(
                run_id=self.id, seq=write.seq, format=data["format"], data=data, created_at=now
            )
            write.snapshot_seq = write.seq
        if write.ends:  # what the last step asked besides ending the run
            for request in write.requests:
                request.status = InputRequest.Status.CANCELLED
        write.changes_inbox = bool(write.requests or self._changes_inbox or write.ends)

    def _snapshot_due(self, write: Write) -> bool:
        if write.ends:
            return False
        if not self.snapshot_seq and write.parks and write.seq:
            return True
        return write.seq - self.snapshot_seq >= SNAPSHOT_EVERY

    def _request(self, entry: Transition, asked: dict[str, Any], now: datetime) -> InputRequest:
        workflow = self.machine.workflow
        event = asked["event"].to_event(workflow.events)
        name = asked["event"].name
        row = InputRequest(
            id=UUID(asked["id"]) if asked["own"] else uuid4(),
            request_id=asked["id"],
            run_id=self.id,
            workflow=workflow.name,
            event=name,
            step=entry.step,
            prompt=event.prompt,
            payload=asked["event"].data()["payload"],
            schema=workflow.reply_schema(name),
            allow=sorted(event.allow),
            four_eyes=event.four_eyes,
            deadline=read_time(asked["deadline"]),
            created_at=now,
        )
        set_terms(row, workflow, event)
        return row

    def stored(self, write: Write) -> None:
        """Forget what the database has now."""
        del self.machine.journal[: write.count]
        for pk in write.deliveries:
            self._applied.pop(pk, None)
        self._changes_inbox = False
        self.suspect = self.suspect and not write.count
        self.seq = write.seq
        self.snapshot_seq = write.snapshot_seq

    # What steps reach through their context

    def call(self, function: Callable[[], Any]) -> Any:
        """Run `function` on the loop's thread, from whichever thread a step is in."""
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
            self.driver.commits.add(self)
        return result

    def stream(self, event: Event) -> None:
        """Show an event on the run's page: the last few, best effort."""
        told = self.told or {}
        kept = [*told.get("stream", []), {"type": type(event).__name__, "data": event_data(event)}]
        self.told = {**told, "stream": kept[-STREAM_KEPT:]}
        self.told_since_stored = True

    def progress(self, fraction: float, text: str, step: str = "") -> None:
        """Show how far the run is on its page, until `step` completes."""
        self.told = {**(self.told or {}), "fraction": fraction, "text": text, "step": step}
        self.told_since_stored = True
