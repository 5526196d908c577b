"""Values as JSON, and back: JSON's own types plus a closed set of tagged ones.

A tagged value is `{"$": tag, "v": ...}`. A dict with a key "$" is written as pairs. Values are read
back by this module or by an event class that the workflow declares. Nothing is imported by a name
in the data.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json, to_jsonable_python

from workflows.engine.errors import UnstorableValue
from workflows.engine.events import Event
from workflows.engine.schemas.validation_errors import error_list, format_errors
from workflows.engine.schemas.zoned_times import read_time, write_time
from workflows.engine.serialization.equality import difference, same_fields
from workflows.engine.serialization.event_json import event_from, storage_of
from workflows.engine.serialization.size_limits import MAX_BYTES, too_large

MAX_DEPTH = 100
_HUGE = 10**4000  # Python refuses to read or write much longer ones
_SHORT = 4000  # bytes, fewer than a number of this length has

_TAGS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    datetime: ("datetime", write_time),
    date: ("date", date.isoformat),
    time: ("time", write_time),
    timedelta: ("timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
    bytes: ("bytes", lambda v: base64.b64encode(v).decode()),
}
_UNTAG: dict[str, Callable[[Any], Any]] = {
    "datetime": lambda v: read_time(datetime, v),
    "date": date.fromisoformat,
    "time": lambda v: read_time(time, v),
    "timedelta": lambda v: timedelta(*v),
    "decimal": Decimal,
    "uuid": UUID,
    "bytes": base64.b64decode,
}


def check_text(text: str) -> str:
    """Return `text`; raise `UnstorableValue` for NUL and lone surrogates."""
    if "\x00" in text:
        raise UnstorableValue("Text with a NUL character cannot be stored.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UnstorableValue("Text with a lone surrogate cannot be stored.") from error
    return text


def clean_text(text: str) -> str:
    """Return `text` with the characters that `check_text` refuses replaced."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


Events = Mapping[str, type[BaseModel]]


def encode(value: Any, events: Events | None = None, depth: int = 0) -> Any:
    """Return `value` as a tree for `json.dumps`; raise `UnstorableValue` if this is not possible.

    A refused value would be read back as another value. `events` are the event classes that it may
    contain; None allows any.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        if not -_HUGE < value < _HUGE:
            raise UnstorableValue("A number of thousands of digits cannot be stored.")
        return value
    if kind is str:
        return check_text(value)
    if kind is float:
        if not math.isfinite(value):
            raise UnstorableValue(f"The number {value} cannot be stored.")
        return value
    if depth > MAX_DEPTH:
        raise UnstorableValue(f"A value nested deeper than {MAX_DEPTH} cannot be stored.")
    if kind is list:
        return [encode(item, events, depth + 1) for item in value]
    if kind is dict:
        return _encode_dict(value, events, depth)
    if kind in _TAGS:
        tag, write = _TAGS[kind]
        return {"$": tag, "v": write(value)}
    if kind is tuple:
        return {"$": "tuple", "v": [encode(item, events, depth + 1) for item in value]}
    return _encode_event(value, events)


def _encode_dict(value: dict[Any, Any], events: Events | None, depth: int) -> Any:
    for key in value:
        if not isinstance(key, str):
            raise UnstorableValue(f"The key {key!r} is not a string; only strings can be stored.")
        check_text(key)
    if "$" in value:
        pairs = [[key, encode(item, events, depth + 1)] for key, item in value.items()]
        return {"$": "dict", "v": pairs}
    return {key: encode(item, events, depth + 1) for key, item in value.items()}


def _encode_event(value: Any, events: Events | None) -> Any:
    name = type(value).__name__
    if isinstance(value, Event):
        if events is not None and events.get(name) is not type(value):
            raise UnstorableValue(f"No step of the workflow declares the event {name!r}.")
        return {"$": "event", "v": [name, store_event(value)[0]]}
    raise UnstorableValue(f"A value of type {name!r} cannot be stored{_advice(value)}.")


def _advice(value: Any) -> str:
    """Return a suggestion of what to store instead, if there is one."""
    if isinstance(value, BaseModel):
        return "; give its model_dump(), or make it an Event that a step declares"
    if isinstance(value, Enum):
        return "; give its value"
    if isinstance(value, set | frozenset):
        return "; give a list"
    for kind in (str, int, float, datetime, dict, list):
        if isinstance(value, kind):
            return f"; give {kind.__name__}(...) of it" if kind is not datetime else ""
    return ""


def decode(tree: Any, events: Events) -> Any:
    """Return a new value from `tree`; `events` are the classes that the workflow declares."""
    kind = type(tree)
    if kind is list:
        return [decode(item, events) for item in tree]
    if kind is not dict:
        return tree
    tag = tree.get("$")
    if tag is None:
        return {key: decode(item, events) for key, item in tree.items()}
    body = tree["v"]
    if tag == "dict":
        return {key: decode(item, events) for key, item in body}
    if tag == "event":
        name, data = body
        if name not in events:
            raise UnstorableValue(f"The workflow declares no event {name!r}.")
        return event_from(events[name], data)
    if tag == "tuple":
        return tuple(decode(item, events) for item in body)
    if tag not in _UNTAG:
        raise UnstorableValue(f"The tag {tag!r} is unknown.")
    return _UNTAG[tag](body)


def readable(tree: Any) -> Any:
    """Return the output of `encode` as plain JSON for people: without tags, bytes as base64."""
    if isinstance(tree, list):
        return [readable(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    tag: Any = tree.get("$")
    body: Any = tree.get("v")
    if tag is None:
        return {key: readable(item) for key, item in tree.items()}
    if tag == "dict":
        return {key: readable(item) for key, item in body}
    if tag == "tuple":
        return readable(body)
    if tag == "event":
        return body[1]
    if isinstance(body, str) and (tag not in ("datetime", "time") or body.endswith("]")):
        return body
    return to_jsonable_python(_UNTAG[tag](body))


def event_data(event: BaseModel) -> dict[str, Any]:
    """Return an event's fields as checked JSON; raise `UnstorableValue`, which names the event."""
    return _written(event)[0]


def store_event(event: BaseModel) -> tuple[dict[str, Any], Any]:
    """Return an event's fields as JSON, and the new event that this JSON gives.

    Raise `UnstorableValue`, which names the event and the field, if the two events differ.
    """
    name = type(event).__name__
    data, text = _written(event)
    try:
        back = storage_of(type(event)).read(text)
    except ValidationError as error:
        message = format_errors(error_list(error))
        raise UnstorableValue(f"{name}: its JSON cannot be read again: {message}") from error
    except Exception as error:  # a type's own reading may raise any error
        raise UnstorableValue(f"{name}: its JSON cannot be read again: {error!r}") from error
    if not same_fields(event, back) and (found := difference(event, back)):
        raise UnstorableValue(f"{name}: its field {found}. JSON cannot keep that.")
    return data, back


def _written(event: BaseModel) -> tuple[dict[str, Any], bytes]:
    """Return an event's fields as checked JSON, and as its text."""
    name = type(event).__name__
    try:
        data: dict[str, Any] = storage_of(type(event)).write(event)
    except UnstorableValue as error:
        raise UnstorableValue(f"{name}: {error}") from error
    except Exception as error:
        raise UnstorableValue(f"{name} cannot be written as JSON: {error}") from error
    try:
        text = to_json(data)
    except ValueError:  # it cannot be stored, and `encode` finds the reason
        text = b""
    try:
        if not _is_sound(text):
            _check_fields(data)
    except UnstorableValue as error:
        raise UnstorableValue(f"{name}{error}") from error
    return data, text


def _is_sound(text: bytes) -> bool:
    """Return True if JSON certainly contains nothing that `encode` refuses.

    False means that it has to be checked value by value. Searching the text is much faster: a NUL,
    NaN, a long number and deep nesting can be found there. A lone surrogate cannot be encoded.
    """
    if len(text) > MAX_BYTES:
        raise UnstorableValue(f": {too_large(len(text))}")
    return (
        0 < len(text) < _SHORT
        and b"\\u0000" not in text
        and b"NaN" not in text
        and b"Infinity" not in text
        and text.count(b"[") + text.count(b"{") <= MAX_DEPTH
    )


def _check_fields(data: Any) -> None:
    """Raise `UnstorableValue`, which names the field, if JSON has a value that cannot be stored."""
    fields = data.items() if isinstance(data, dict) else [("", data)]
    for key, value in fields:
        try:
            check_text(key)
            encode(value, None, 1)
        except UnstorableValue as error:
            where = f" in {key!r}" if key else ""
            raise UnstorableValue(f"{where}: {error}") from error
