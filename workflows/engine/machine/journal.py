"""Journal entries: the transitions of a run, as they are decided and as they are stored.

| kind | data |
| --- | --- |
| started | event, invocations, steps |
| step_completed | invocation, attempt, set, events, spawn, requests |
| step_retried | invocation, attempt, error, due |
| collected | invocation, asked ("A,B*3"); with a key: invocation, names ("A,B*3"), key |
| answered | request_id, response, by, source, reply, invocations, steps; edits if any |
| declined, expired, discarded | request_id |
| completed | result |
| failed | error |
| reasked | by, request_id, revision |
| cancelled, paused, resumed, reopened, blocked, unblocked | by |

A collection with a key has no `asked`. So code of a version without keys refuses the entry and does
not mix the sets. `spawn` lists `[invocation, step, index into events]`. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.engine.serialization.stored_event import StoredEvent

_REQUEST = ("id", "own", "deadline")


def only(**data: Any) -> dict[str, Any]:
    """Return the items of `data` that are not empty, because entries have no empty items."""
    return {key: value for key, value in data.items() if value}


@dataclass(slots=True)
class Transition:
    """One transition. In memory `data` has events as `StoredEvent`; `to_json` writes JSON.

    `duration` is the number of seconds that a step ran.
    """

    kind: str
    data: dict[str, Any]
    step: str = ""
    duration: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return `data` as JSON."""
        if self.kind == "started":
            return {**self.data, "event": self.data["event"].to_json()}
        if self.kind != "step_completed":
            return self.data
        requests = [
            {**{key: one[key] for key in _REQUEST}, **one["event"].to_json()}
            for one in self.data["requests"]
        ]
        events = [stored.to_json() for stored in self.data["events"]]
        return {**self.data, "events": events, "requests": requests}

    @classmethod
    def from_json(cls, kind: str, step: str, data: dict[str, Any]) -> Transition:
        """Return the entry that was stored."""
        if kind == "started":
            data = {**data, "event": StoredEvent.from_json(data["event"])}
        elif kind == "step_completed":
            requests = [
                {**{key: one[key] for key in _REQUEST}, "event": StoredEvent.from_json(one)}
                for one in data["requests"]
            ]
            data = {**data, "events": [StoredEvent.from_json(one) for one in data["events"]]}
            data["requests"] = requests
        return cls(kind, data, step)
