"""The schema of a snapshot's JSON. A damaged snapshot is refused before it is used."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter
from typing_extensions import TypedDict  # pydantic cannot read typing's own before Python 3.12


class StoredEventJSON(TypedDict):
    """An event: its wire name and its fields."""

    type: str
    data: dict[str, Any]


class InvocationJSON(TypedDict):
    """One event at one step."""

    id: int
    step: str
    event: StoredEventJSON
    failures: int
    due: str | None
    request: StoredEventJSON | None
    answered_by: str
    collected: list[str]
    owned: dict[str, list[StoredEventJSON]]


class RequestJSON(StoredEventJSON):
    """An open request."""

    step: str
    deadline: str | None
    declined: bool


class SnapshotJSON(TypedDict):
    """The state of a whole run."""

    __pydantic_config__ = ConfigDict(strict=True)  # type: ignore[misc]

    format: int
    workflow: str
    signature: str
    run_id: str
    seq: int
    status: Literal["running", "paused", "completed", "failed", "cancelled"]
    values: dict[str, Any]
    invocations: list[InvocationJSON]
    buffers: dict[str, list[StoredEventJSON]]
    requests: dict[str, RequestJSON]
    closed: dict[str, str]
    next_id: int
    result: Any
    error: dict[str, Any] | None


snapshot_json = TypeAdapter(SnapshotJSON)
