"""Converts the payload of a request to plain JSON.

A payload is shown, searched and edited as JSON, so it is converted when the request is made. From
then on a tuple is a list and a Decimal is a text, for pages and for steps that read the payload.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from workflows.engine.errors import UnstorableValue
from workflows.engine.events import InputRequestEvent
from workflows.engine.requests.editable_types import editable_types
from workflows.engine.schemas.zoned_times import keeps_more, write_time
from workflows.engine.serialization.codec import MAX_DEPTH

_EXACT = frozenset({str, int, bool, float, type(None)})
_LISTS = (list, tuple, set, frozenset, deque)
_TEXTS = (Decimal, UUID, date, timedelta)


def with_plain_payload(event: InputRequestEvent) -> InputRequestEvent:
    """Return the request with its payload as plain JSON; raise `UnstorableValue`."""
    if _is_plain(event.payload):
        return event
    try:
        payload = plain_json(event.payload)
    except UnstorableValue as error:
        raise UnstorableValue(f"{type(event).__name__}: {error}") from error
    types = editable_types(event, payload) if event.editable else {}
    return event.model_copy(update={"payload": payload, "editable_types": types})


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Return True if a value is certainly plain JSON. Most payloads are, and need no conversion."""
    kind = type(value)
    if kind in _EXACT:
        return True
    if depth > MAX_DEPTH:
        return False
    if kind is dict:
        return all(type(k) is str and _is_plain(v, depth + 1) for k, v in value.items())
    return kind is list and all(_is_plain(item, depth + 1) for item in value)


def plain_json(value: Any, place: str = "payload", depth: int = 0) -> Any:
    """Return a value in JSON's own types; raise `UnstorableValue`, which names the place."""
    kind = type(value)
    if kind in _EXACT:
        return value
    if depth > MAX_DEPTH:
        raise UnstorableValue(f"A value nested deeper than {MAX_DEPTH} cannot be stored.")
    if isinstance(value, _LISTS):
        return [plain_json(item, f"{place}.{at}", depth + 1) for at, item in enumerate(value)]
    if isinstance(value, Mapping):
        return _mapping(value, place, depth)
    if isinstance(value, Enum):
        return plain_json(value.value, place, depth + 1)
    if isinstance(value, datetime | time):
        return write_time(value) if keeps_more(value) else to_jsonable_python(value)
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(value)
    if isinstance(value, _TEXTS):
        return to_jsonable_python(value)
    if isinstance(value, BaseModel):
        return plain_json(_dumped(value, place), place, depth + 1)
    raise UnstorableValue(f"{place!r} holds a value of type {kind.__name__!r}, which is no JSON.")


def _mapping(value: Mapping[Any, Any], place: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = _key(key, place)
        if name in found:
            raise UnstorableValue(f"{place!r} has the key {name[:60]!r} twice, once as no text.")
        found[name] = plain_json(item, f"{place}.{name[:60]}", depth + 1)
    return found


def _key(key: Any, place: str) -> str:
    """Return a key as the text that `json.dumps` writes."""
    plain = plain_json(key, place)
    if isinstance(plain, str):
        return plain
    if plain is None or isinstance(plain, bool | int | float):
        return json.dumps(plain)
    raise UnstorableValue(f"{place!r} has a key of type {type(key).__name__!r}, which is no text.")


def _dumped(model: BaseModel, place: str) -> Any:
    try:
        return model.model_dump(mode="json")
    except Exception as error:
        message = (
            f"{place!r} holds a {type(model).__name__} that cannot be written as JSON: {error}"
        )
        raise UnstorableValue(message) from error
