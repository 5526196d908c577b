"""The result of a run: how it is stored, returned and shown."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from workflows.engine.errors import UnstorableValue
from workflows.engine.events import StopEvent
from workflows.engine.serialization.codec import (
    Events,
    decode,
    encode,
    readable,
    store_event,
)
from workflows.engine.serialization.event_json import event_from
from workflows.engine.serialization.size_limits import check_size


def encode_result(stop: StopEvent, events: Events) -> Any:
    """Return the result as a tree for `json.dumps`; raise `UnstorableValue`.

    It is the value of `result`. If a subclass has fields of its own and does not change `result`,
    it is a dict of these fields.
    """
    cls = type(stop)
    own, typed = _fields(cls)
    if not typed and (not own or "result" in stop.__pydantic_fields_set__):
        tree = encode(stop.result, events)
        check_size(tree)
        return tree
    if events.get(cls.__name__) is not cls:
        raise UnstorableValue(f"No step of the workflow declares the event {cls.__name__!r}.")
    kept = "result" if "result" in stop.__pydantic_fields_set__ or not own else "fields"
    return {"$": "stop", "v": [cls.__name__, store_event(stop)[0], kept]}


def decode_result(tree: Any, events: Events) -> Any:
    """Return the stored result as Python values."""
    if not isinstance(tree, dict) or tree.get("$") != "stop":
        return decode(tree, events)
    name, data, kept = tree["v"]
    if name not in events:
        raise UnstorableValue(f"The workflow declares no event {name!r}.")
    stop = event_from(events[name], data)
    if kept == "result":
        return stop.result
    return {
        name: getattr(stop, name) for name in type(stop).__pydantic_fields__ if name != "result"
    }


def readable_result(tree: Any) -> Any:
    """Return a stored result as plain JSON for rows and pages, without the event classes."""
    if not isinstance(tree, dict) or tree.get("$") != "stop":
        return readable(tree)
    _, data, kept = tree["v"]
    if kept == "result":
        return data["result"]
    return {name: value for name, value in data.items() if name != "result"}


@lru_cache(maxsize=1024)
def _fields(cls: type[StopEvent]) -> tuple[bool, bool]:
    """Return whether a class has fields of its own, and whether it has a type for `result`."""
    fields = cls.__pydantic_fields__
    return len(fields) > 1, fields["result"].annotation is not Any
