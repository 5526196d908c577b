"""Whether two values are the same to a step, and where they are not.

Python's own equality is too generous: 1 equals True and 1.0, a Dog of the same fields another
Dog's parent, 09:00 in Berlin 08:00 in London.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel

from workflows.engine.zoned import fixed_offset

_PLAIN = frozenset({str, int, bool, bytes, type(None)})
_LISTS = (list, tuple, deque)
_NUMBERS = (float, Decimal)
_SETS = (set, frozenset)


def difference(one: Any, other: Any, place: str = "") -> str:
    """Return where and how two values differ, as "'items.0' is a Dog, not a Pet"; empty if same.

    Values themselves are never told: they may be secret.
    """
    kind = type(one)
    if kind is int and type(other) in _NUMBERS and one == other:
        return ""  # `rate: float = 0`: pydantic does not look at defaults
    if kind is not type(other):
        return _told(place, f"is {_named(one)}, but comes back as {_named(other)}")
    if kind in _PLAIN:
        same = one == other
    elif kind is float:
        same = one == other and math.copysign(1, one) == math.copysign(1, other)
    elif issubclass(kind, BaseModel):
        return _model(one, other, place)
    elif issubclass(kind, Mapping):
        return _mapping(one, other, place)
    elif issubclass(kind, _LISTS):
        return _list(one, other, place)
    elif issubclass(kind, _SETS):
        return _set(one, other, place)
    elif dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return _parts(((n, getattr(one, n, None), getattr(other, n, None)) for n in names), place)
    else:
        same = _equal(one, other)
    told = f"is {_named(one)} that comes back with another value"
    return "" if same else _told(place, told)


def _model(one: BaseModel, other: BaseModel, place: str) -> str:
    fields = type(one).__pydantic_fields__
    before, after = one.__dict__, other.__dict__
    pairs = [(n, before.get(n, _Missing), after.get(n, _Missing)) for n in fields]
    if one.__pydantic_extra__ or other.__pydantic_extra__:
        extra, back = one.__pydantic_extra__ or {}, other.__pydantic_extra__ or {}
        names = [*extra, *(name for name in back if name not in extra)]
        pairs += [(n, extra.get(n, _Missing), back.get(n, _Missing)) for n in names]
    if one.__pydantic_private__ or other.__pydantic_private__:
        private, back = one.__pydantic_private__ or {}, other.__pydantic_private__ or {}
        names = [*private, *(name for name in back if name not in private)]
        pairs += [(n, private.get(n, _Missing), back.get(n, _Missing)) for n in names]
    return _parts(pairs, place)


def _mapping(one: Mapping[Any, Any], other: Mapping[Any, Any], place: str) -> str:
    if len(one) != len(other):
        return _told(place, "has keys that are the same as JSON")
    if getattr(one, "default_factory", None) is not getattr(other, "default_factory", None):
        return _told(place, "has another default_factory when it comes back")
    own = {key: key for key in other}
    for key, value in one.items():
        if key not in own or (found := difference(key, own[key], place)):
            return _told(place, f"has the key {_short(key)}, which comes back as another")
        if found := difference(value, other[key], _within(place, key)):
            return found
    return ""


def _list(one: Any, other: Any, place: str) -> str:
    if len(one) != len(other):
        return _told(place, f"has {len(one)} items, but comes back with {len(other)}")
    if isinstance(one, deque) and one.maxlen != other.maxlen:
        return _told(place, "has another maxlen when it comes back")
    for at, (value, back) in enumerate(zip(one, other, strict=True)):
        if type(value) is type(back) and type(value) in _PLAIN and value == back:
            continue
        if found := difference(value, back, _within(place, at)):
            return found
    return ""


def _set(one: Any, other: Any, place: str) -> str:
    own = {item: item for item in other}
    if len(one) != len(own) or not all(item in own for item in one):
        return _told(place, "comes back with other items")
    return next((found for item in one if (found := difference(item, own[item], place))), "")


def _parts(pairs: Iterable[tuple[str, Any, Any]], place: str) -> str:
    for name, value, back in pairs:
        if type(value) is type(back) and type(value) in _PLAIN and value == back:
            continue
        if found := difference(value, back, _within(place, name)):
            return found
    return ""


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, datetime | time):
        return _same_time(one, other)
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, Enum):
        return one is other
    try:
        return bool(one == other)
    except Exception:  # a type that cannot even be compared
        return False


def _same_time(one: Any, other: Any) -> bool:
    """Compare the local times, the folds and the zones."""
    if one.replace(tzinfo=None) != other.replace(tzinfo=None) or one.fold != other.fold:
        return False
    zone, back = one.tzinfo, other.tzinfo
    if zone is None or back is None or zone is back:
        return zone is back
    offset = fixed_offset(zone)
    return offset is not None and offset == fixed_offset(back)


class _Missing:
    """Stands for what is not there."""


def _named(value: Any) -> str:
    if value is _Missing:
        return "not there"
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"


def _told(place: str, text: str) -> str:
    return f"{place!r} {text}" if place else text


def _within(place: str, part: Any) -> str:
    return f"{place}.{_short(part).strip(chr(39))}" if place else f"{_short(part).strip(chr(39))}"


def _short(part: Any) -> str:
    return repr(part)[:60]
