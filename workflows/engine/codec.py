"""Values as JSON, and back: JSON's own types plus a closed set of tagged ones.

A tagged value is `{"$": tag, "v": ...}`; a dict that has a "$" of its own travels as pairs. What
is read back is built by this module or validated by an event class that the workflow declares,
never imported by a name in the data.
"""

from __future__ import annotations

import base64
import math
from collections import deque
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_json

from workflows.engine.errors import UnstorableValue
from workflows.engine.events import Event

MAX_DEPTH = 100
_HUGE = 10**4000  # Python itself refuses to read or write much longer ones
_SHORT = 4000  # bytes in which there is no room for such a number

_TAGS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    datetime: ("datetime", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    timedelta: ("timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
    bytes: ("bytes", lambda v: base64.b64encode(v).decode()),
}
_UNTAG: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda v: timedelta(*v),
    "decimal": Decimal,
    "uuid": UUID,
    "bytes": base64.b64decode,
}


def check_text(text: str) -> str:
    """Return `text`; raise `UnstorableValue` for NUL and lone surrogates, which no store takes."""
    if "\x00" in text:
        raise UnstorableValue("Text with a NUL character cannot be stored.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UnstorableValue("Text with a lone surrogate cannot be stored.") from error
    return text


def clean_text(text: str) -> str:
    """Return `text` with what `check_text` refuses replaced, where telling beats refusing."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


Events = Mapping[str, type[BaseModel]]


def encode(value: Any, events: Events | None = None, depth: int = 0) -> Any:
    """Return `value` as a tree that `json.dumps` takes; raise `UnstorableValue` if it has none.

    `events` are the classes that may travel inside; None admits any.

    A pydantic model that is no event becomes the plain JSON of its fields, and stays that.
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
    if kind is list or kind is tuple:
        return [encode(item, events, depth + 1) for item in value]
    if kind is dict:
        return _encode_dict(value, events, depth)
    if kind in _TAGS:
        tag, write = _TAGS[kind]
        return {"$": tag, "v": write(value)}
    return _encode_object(value, events, depth)


def _encode_dict(value: dict[Any, Any], events: Events | None, depth: int) -> Any:
    for key in value:
        if not isinstance(key, str):
            raise UnstorableValue(f"The key {key!r} is not a string; only strings can be stored.")
        check_text(key)
    if "$" in value:
        pairs = [[key, encode(item, events, depth + 1)] for key, item in value.items()]
        return {"$": "dict", "v": pairs}
    return {key: encode(item, events, depth + 1) for key, item in value.items()}


def _encode_object(value: Any, events: Events | None, depth: int) -> Any:
    if isinstance(value, Event):
        name = type(value).__name__
        if events is not None and events.get(name) is not type(value):
            raise UnstorableValue(f"No step of the workflow declares the event {name!r}.")
        return {"$": "event", "v": [name, event_data(value)]}
    if isinstance(value, BaseModel):
        return encode(_dump(value), events, depth + 1)
    if isinstance(value, Enum):
        return encode(value.value, events, depth + 1)
    if isinstance(value, (str, int, float)):
        for plain in (str, int, float):
            if isinstance(value, plain):
                return encode(plain(value), events, depth + 1)
    raise UnstorableValue(f"A value of type {type(value).__name__!r} cannot be stored.")


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
    if tag not in _UNTAG:
        raise UnstorableValue(f"The tag {tag!r} is unknown.")
    return _UNTAG[tag](body)


def event_data(event: BaseModel) -> dict[str, Any]:
    """Return an event's fields as checked JSON; raise `UnstorableValue` naming the event."""
    data: dict[str, Any] = _dump(event)
    if _is_sound(data):
        return data
    try:
        encode(data)
    except UnstorableValue as error:
        raise UnstorableValue(f"{type(event).__name__}: {error}") from error
    return data


def _is_sound(tree: Any) -> bool:
    """Return True if JSON surely holds nothing that `encode` refuses; it may be sound otherwise.

    One look at its text is much quicker than a walk through it: a NUL, a number that is none, a
    long one and deep nesting all show there. Half a character has no text at all.
    """
    try:
        text = to_json(tree)
    except ValueError:
        return False
    return (
        len(text) < _SHORT
        and b"\\u0000" not in text
        and b"NaN" not in text
        and b"Infinity" not in text
        and text.count(b"[") + text.count(b"{") <= MAX_DEPTH
    )


def event_from(cls: type[BaseModel], data: Any) -> Any:
    """Return an event of `cls` from its JSON; raise pydantic's `ValidationError`.

    Fields may go by their names or their aliases: ours are names, a caller's may be either.
    """
    return cls.model_validate_json(to_json(data), by_alias=True, by_name=True)


def _dump(model: BaseModel) -> Any:
    """Return a model's fields as plain JSON, by name; what is computed is not a field."""
    name = type(model).__name__
    try:
        tree: Any = model.model_dump(mode="json", by_alias=False, exclude_computed_fields=True)
        if not _may_have_lost(model, tree):
            return tree
        plain: Any = model.model_dump(by_alias=False, exclude_computed_fields=True)
    except Exception as error:
        raise UnstorableValue(f"{name} cannot be written as JSON: {error}") from error
    if isinstance(tree, dict) and isinstance(plain, dict):
        fields = [(f" in {key!r}", value, plain.get(key)) for key, value in tree.items()]
    else:
        fields = [("", tree, plain)]  # what a root model holds
    for where, value, other in fields:
        if (lost := _lost_number(value, other)) is not None:
            raise UnstorableValue(f"{name}: the number {lost}{where} cannot be stored.")
    return tree


def _may_have_lost(model: BaseModel, tree: Any) -> bool:
    """Say whether a null of this JSON may have been something else in the model."""
    if type(tree) is not dict:
        return True
    for key, value in tree.items():
        if value is None:
            if getattr(model, key, None) is not None:
                return True
        elif (type(value) is dict or type(value) is list) and _has_null(value):
            return True
    return False


def _has_null(tree: Any) -> bool:
    if type(tree) is dict:
        return any(map(_has_null, tree.values()))
    return any(map(_has_null, tree)) if type(tree) is list else tree is None


def _lost_number(tree: Any, plain: Any) -> float | None:
    """Return a NaN or an infinity that has become null; None if there is none.

    Pydantic writes them so in a field of any type, unless the model itself says otherwise.
    """
    if tree is None:
        return plain if isinstance(plain, float) else None
    if isinstance(tree, dict) and isinstance(plain, dict):
        pairs = zip(tree.values(), plain.values(), strict=False)
    elif isinstance(tree, list) and isinstance(plain, (list, tuple, set, frozenset, deque)):
        pairs = zip(tree, plain, strict=False)
    else:
        return None
    found = (_lost_number(one, other) for one, other in pairs)
    return next((lost for lost in found if lost is not None), None)
