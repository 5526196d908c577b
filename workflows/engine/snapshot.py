"""A run's state as JSON, complete at any instant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from workflows.engine.errors import BadSnapshot
from workflows.engine.machine.state import Invocation, OpenRequest, RunState, has_keys, read_time
from workflows.engine.schemas.validation_errors import error_list, format_errors
from workflows.engine.serialization.snapshot_schema import snapshot_json
from workflows.engine.serialization.stored_event import StoredEvent

FORMAT = 2
UNKEYED = 1  # without keyed fan-ins; older code can read this format


@dataclass(frozen=True, slots=True)
class WorkflowSnapshot:
    """The whole state of a run. It can be stored anywhere and resumed in any process.

    `data` is plain JSON: `format`, `workflow`, `signature`, `run_id` and the state.
    """

    data: dict[str, Any]

    @property
    def workflow(self) -> str:
        """The name of the workflow."""
        return str(self.data["workflow"])

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.data["run_id"])

    @property
    def seq(self) -> int:
        """The number of transitions of the run so far."""
        return int(self.data["seq"])

    @property
    def status(self) -> str:
        """`running`, `paused`, `completed`, `failed` or `cancelled`."""
        return str(self.data["status"])

    def to_json(self) -> str:
        """Return the snapshot as a JSON text."""
        return json.dumps(self.data, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> WorkflowSnapshot:
        """Read the output of `to_json`. Raise `BadSnapshot` for any other text."""
        try:
            data = json.loads(text, parse_constant=_refuse)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadSnapshot(f"This is not a snapshot: {error}") from error
        snapshot = cls(data)
        snapshot.state()
        return snapshot

    @classmethod
    def of(cls, workflow: str, signature: str, run_id: str, state: RunState) -> WorkflowSnapshot:
        """Return a snapshot of `state`. Later changes of the state do not affect it."""
        data = {
            "format": FORMAT if has_keys(state) else UNKEYED,
            "workflow": workflow,
            "signature": signature,
            "run_id": run_id,
            **write_state(state),
        }
        return cls(data)

    def state(self) -> RunState:
        """Return a new state. Raise `BadSnapshot` if `data` has no supported format."""
        if not isinstance(self.data, dict) or self.data.get("format") not in (UNKEYED, FORMAT):
            found = self.data.get("format") if isinstance(self.data, dict) else None
            known = f"{UNKEYED} and {FORMAT}"
            raise BadSnapshot(f"A snapshot of format {found!r} cannot be read; {known} can.")
        try:
            return read_state(dict(snapshot_json.validate_python(self.data)))
        except ValidationError as error:
            message = format_errors(error_list(error))
            raise BadSnapshot(f"The snapshot is damaged: {message}.") from error
        except ValueError as error:
            raise BadSnapshot(f"The snapshot is damaged: {error}.") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def write_state(state: RunState) -> dict[str, Any]:
    """Return a state as JSON."""
    return {
        "seq": state.seq,
        "status": state.status,
        "values": dict(state.values),
        "invocations": [_write_invocation(one) for one in state.invocations.values()],
        "buffers": {
            key: [event.to_json() for event in kept] for key, kept in state.buffers.items()
        },
        "requests": {key: _write_request(one) for key, one in state.requests.items()},
        "closed": dict(state.closed),
        "next_id": state.next_id,
        "result": state.result,
        "error": state.error,
    }


def read_state(data: dict[str, Any]) -> RunState:
    """Return the state that `write_state` wrote."""
    state = RunState()
    state.seq = data["seq"]
    state.status = data["status"]
    state.values = dict(data["values"])
    for one in data["invocations"]:
        state.invocations[one["id"]] = _read_invocation(one)
    for key, kept in data["buffers"].items():
        state.buffers[key] = [StoredEvent.from_json(event) for event in kept]
    for key, one in data["requests"].items():
        deadline = read_time(one["deadline"])
        state.requests[key] = OpenRequest(
            StoredEvent.from_json(one), one["step"], deadline, one["declined"]
        )
    state.closed = dict(data["closed"])
    state.next_id = max([data["next_id"], *(one + 1 for one in state.invocations)])
    state.result = data["result"]
    state.error = data["error"]
    return state


def _write_request(one: OpenRequest) -> dict[str, Any]:
    deadline = one.deadline.isoformat() if one.deadline else None
    return {
        **one.event.to_json(), "step": one.step, "deadline": deadline, "declined": one.declined
    }  # fmt: skip


def _write_invocation(one: Invocation) -> dict[str, Any]:
    return {
        "id": one.id,
        "step": one.step,
        "event": one.event.to_json(),
        "failures": one.failures,
        "due": one.due.isoformat() if one.due else None,
        "request": one.request.to_json() if one.request else None,
        "answered_by": one.answered_by,
        "collected": sorted(one.collected),
        "owned": {key: [event.to_json() for event in kept] for key, kept in one.owned.items()},
    }


def _read_invocation(one: dict[str, Any]) -> Invocation:
    return Invocation(
        one["id"],
        one["step"],
        StoredEvent.from_json(one["event"]),
        one["failures"],
        read_time(one["due"]),
        StoredEvent.from_json(one["request"]) if one["request"] else None,
        one["answered_by"],
        set(one["collected"]),
        {
            key: [StoredEvent.from_json(event) for event in kept]
            for key, kept in one["owned"].items()
        },
    )
