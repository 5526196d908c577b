"""The whole state of a run, and how each journal entry changes it.

Only `RunState.apply` changes the state. It needs neither the workflow nor a clock. So a snapshot
and the journal entries after it always give the same state as the run itself had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Literal

from workflows.engine import errors
from workflows.engine.machine.fan_in import decode_names, fan_in, take_matching
from workflows.engine.machine.journal import Transition
from workflows.engine.serialization.stored_event import StoredEvent

Status = Literal["running", "paused", "completed", "failed", "cancelled"]
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(slots=True)
class Invocation:
    """One event at one step, over all attempts.

    `failures` is the number of failed attempts; `due` is the time at which the next one may begin.
    `request` and `answered_by` are set if the event is a reply. `collected` has the fan-ins that
    it has contributed to, `owned` the lists that it has completed.
    """

    id: int
    step: str
    event: StoredEvent
    failures: int = 0
    due: datetime | None = None
    request: StoredEvent | None = None
    answered_by: str = ""
    collected: set[str] = field(default_factory=set)
    owned: dict[str, list[StoredEvent]] = field(default_factory=dict)


@dataclass(slots=True)
class OpenRequest:
    """An open request. `declined` is True after the input handler has declined to answer."""

    event: StoredEvent
    step: str
    deadline: datetime | None = None
    declined: bool = False


class RunState:
    """The state in a snapshot. Change it only with `apply`."""

    __slots__ = (
        "buffers",
        "closed",
        "error",
        "invocations",
        "next_id",
        "requests",
        "result",
        "seq",
        "status",
        "values",
    )

    def __init__(self) -> None:
        self.seq = 0
        self.status: Status = "running"
        self.values: dict[str, Any] = {}  # encoded
        self.invocations: dict[int, Invocation] = {}
        self.buffers: dict[str, list[StoredEvent]] = {}  # by `fan_in`: contributions
        self.requests: dict[str, OpenRequest] = {}
        self.closed: dict[str, str] = {}  # request_id -> answered, expired
        self.next_id = 1
        self.result: Any = None  # encoded
        self.error: dict[str, Any] | None = None

    @property
    def begun(self) -> bool:
        """True after the input was routed. A run may be paused or blocked before that."""
        return self.next_id > 1

    @property
    def ended(self) -> bool:
        """True once the run has completed, failed or been cancelled."""
        return self.status in ENDED

    def apply(self, entry: Transition) -> None:
        """Change the state by one entry, and count it."""
        getattr(self, f"_{entry.kind}")(entry, entry.data)
        self.seq += 1

    def _spawn(self, id_: int, step: str, event: StoredEvent) -> Invocation:
        invocation = self.invocations[id_] = Invocation(id_, step, event)
        if id_ >= self.next_id:
            self.next_id = id_ + 1
        return invocation

    def _started(self, entry: Transition, data: dict[str, Any]) -> None:
        for id_, step in zip(data["invocations"], data["steps"], strict=True):
            self._spawn(id_, step, data["event"])

    def _step_completed(self, entry: Transition, data: dict[str, Any]) -> None:
        self.invocations.pop(data["invocation"])
        self.values.update(data["set"])
        for id_, step, index in data["spawn"]:
            self._spawn(id_, step, data["events"][index])
        for request in data["requests"]:
            deadline = read_time(request["deadline"])
            self.requests[request["id"]] = OpenRequest(request["event"], entry.step, deadline)

    def _step_retried(self, entry: Transition, data: dict[str, Any]) -> None:
        invocation = self.invocations[data["invocation"]]
        invocation.failures += 1
        invocation.due = datetime.fromisoformat(data["due"])

    def _collected(self, entry: Transition, data: dict[str, Any]) -> None:
        names = data["names"] if "key" in data else data["asked"]
        key = fan_in(entry.step, names, data.get("key"))
        invocation = self.invocations[data["invocation"]]
        invocation.collected.add(key)
        buffer = self.buffers.setdefault(key, [])
        buffer.append(invocation.event)
        complete = take_matching(buffer, decode_names(names))
        if complete is not None:
            invocation.owned[key] = complete
        if not buffer:
            del self.buffers[key]

    def _answered(self, entry: Transition, data: dict[str, Any]) -> None:
        request = self.requests.pop(data["request_id"])
        self.closed[data["request_id"]] = "answered"
        reply = {key: data[key] for key in ("request_id", "response", "edits") if key in data}
        event = StoredEvent(data["reply"], reply)
        for id_, step in zip(data["invocations"], data["steps"], strict=True):
            invocation = self._spawn(id_, step, event)
            invocation.request = request.event
            invocation.answered_by = data["by"]

    def _declined(self, entry: Transition, data: dict[str, Any]) -> None:
        self.requests[data["request_id"]].declined = True

    def _expired(self, entry: Transition, data: dict[str, Any]) -> None:
        pass  # the run fails next; a retry opens the request again

    def _discarded(self, entry: Transition, data: dict[str, Any]) -> None:
        pass  # an answer that came too late changes nothing; only the journal records it

    def _completed(self, entry: Transition, data: dict[str, Any]) -> None:
        self.status = "completed"
        self.result = data["result"]

    def _failed(self, entry: Transition, data: dict[str, Any]) -> None:
        self.status = "failed"
        self.error = data["error"]

    def _cancelled(self, entry: Transition, data: dict[str, Any]) -> None:
        self.status = "cancelled"

    def _paused(self, entry: Transition, data: dict[str, Any]) -> None:
        self.status = "paused"

    def _resumed(self, entry: Transition, data: dict[str, Any]) -> None:
        self.status = "running"

    def _reopened(self, entry: Transition, data: dict[str, Any]) -> None:
        """Continue a failed run: its invocations begin again, with all their retries."""
        self.status = "running"
        self.error = None
        for invocation in self.invocations.values():
            invocation.failures = 0
            invocation.due = None

    def _unblocked(self, entry: Transition, data: dict[str, Any]) -> None:
        pass  # somebody says that its code fits now

    def _blocked(self, entry: Transition, data: dict[str, Any]) -> None:
        pass  # its code does not fit; the state is as it was

    def _reasked(self, entry: Transition, data: dict[str, Any]) -> None:
        pass  # the form of an open request is that of the code as it is now


def open_request(run: str, state: RunState, request_id: str) -> StoredEvent:
    """Return the open request; raise the error that says why it accepts no answer."""
    if request_id in state.closed:
        raise errors.AlreadyAnswered(f"{run}: request {request_id!r} was answered before.")
    if request_id not in state.requests:
        raise errors.UnknownRequest(f"{run}: there is no request {request_id!r}.")
    if state.ended:
        raise errors.RequestClosed(
            f"{run}: request {request_id!r} is closed, the run is {state.status}."
        )
    return state.requests[request_id].event


def read_time(text: str | None) -> datetime | None:
    """Read an ISO 8601 time, None where there is none."""
    return None if text is None else datetime.fromisoformat(text)


def has_keys(state: RunState) -> bool:
    """Return True if the state holds a fan-in with a key."""
    own = (one for invocation in state.invocations.values() for one in invocation.collected)
    return any("#" in one.rpartition(":")[2] for one in chain(state.buffers, own))
