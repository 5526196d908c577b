"""Compares two values as a step sees them, and finds the first difference.

Python's equality is not strict enough: 1 equals True and 1.0, and 09:00 in Berlin equals 08:00 in
London. An object of a class may equal an object of its parent class.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel

from workflows.engine.schemas.zoned_times import fixed_offset

Found = tuple[Any, ...] | None
_PLAIN = frozenset({str, int, bool, bytes, type(None)})
_TEXT = frozenset({str})
_LISTS = (list, tuple, deque)
_NUMBERS = (float, Decimal)
_SETS = (set, frozenset)


def difference(one: Any, other: Any) -> str:
    """Return where and how two values differ, as "'items.0' is a Dog, but ..."; empty if equal.

    The values themselves are not shown, because they may be secret.
    """
    found = _find(one, other)
    if found is None:
        return ""
    place = ".".join(str(part)[:60] for part in found[:-1])
    return f"{place!r} {found[-1]}" if place else found[-1]


def same_fields(one: BaseModel, other: BaseModel) -> bool:
    """Return True if two events of one class are certainly equal. False means unknown.

    Most events have only JSON's own types, and comparing these is fast.
    """
    if one.__pydantic_extra__ or one.__pydantic_private__ or other.__pydantic_private__:
        return False
    before, after = one.__dict__, other.__dict__
    if len(before) != len(after):
        return False
    for name, value in before.items():
        back = after.get(name, _Missing)
        if value is back:  # a shared default, or a value that exists once: None, (), "a"
            continue
        kind = type(value)
        if kind is not type(back):
            return False
        if value != back if kind in _PLAIN else not _surely_same(value, back):
            return False
    return True


def _surely_same(one: Any, other: Any) -> bool:
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in _PLAIN:
        return bool(one == other)
    if kind is float:
        return bool(one == other and (one or math.copysign(1, one) == math.copysign(1, other)))
    if kind is dict:
        if len(one) != len(other):
            return False
        for key, value in one.items():
            if type(key) is not str or key not in other or not _surely_same(value, other[key]):
                return False
        return True
    if kind is list or kind is tuple:
        if _PLAIN.issuperset(map(type, one)):
            return bool(one == other) and list(map(type, one)) == list(map(type, other))
        return len(one) == len(other) and all(map(_surely_same, one, other))
    if kind is frozenset:
        return _texts(one) and _texts(other) and bool(one == other)
    return False


def _texts(items: Iterable[Any]) -> bool:
    return _TEXT.issuperset(map(type, items))


def _find(one: Any, other: Any) -> Found:
    """Return the place of the first difference and, last, what it is; None if there is none."""
    kind = type(one)
    if kind is not type(other):
        if kind is int and type(other) in _NUMBERS and one == other:
            return None  # `rate: float = 0`: pydantic does not check defaults
        return (f"is {_named(one)}, but comes back as {_named(other)}",)
    if kind in _PLAIN:
        same = one == other
    elif kind is float:
        same = one == other and math.copysign(1, one) == math.copysign(1, other)
    elif issubclass(kind, BaseModel):
        return _model(one, other)
    elif issubclass(kind, Mapping):
        return _mapping(one, other)
    elif issubclass(kind, _LISTS):
        return _list(one, other)
    elif issubclass(kind, _SETS):
        return _set(one, other)
    elif dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return _parts((n, getattr(one, n, None), getattr(other, n, None)) for n in names)
    else:
        same = _equal(one, other)
    return None if same else (f"is {_named(one)} that comes back with another value",)


def _model(one: BaseModel, other: BaseModel) -> Found:
    before, after = one.__dict__, other.__dict__
    fields = type(one).__pydantic_fields__
    found = _parts((n, before.get(n, _Missing), after.get(n, _Missing)) for n in fields)
    for own, back in (
        (one.__pydantic_extra__, other.__pydantic_extra__),
        (one.__pydantic_private__, other.__pydantic_private__),
    ):
        if found is None and (own or back):
            own, back = own or {}, back or {}
            found = _parts((n, own.get(n, _Missing), back.get(n, _Missing)) for n in own | back)
    return found


def _mapping(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> Found:
    if len(one) != len(other):
        return ("has keys that are the same as JSON",)
    if getattr(one, "default_factory", None) is not getattr(other, "default_factory", None):
        return ("has another default_factory when it comes back",)
    keys = None if all(type(key) is str for key in other) else {key: key for key in other}
    for key in one:
        if key not in other or not _same_key(key, keys[key] if keys else str(key)):
            return (f"has the key {repr(key)[:60]}, which comes back as another",)
    return _parts((key, value, other[key]) for key, value in one.items())


def _same_key(one: Any, other: Any) -> bool:
    """Compare keys with equal hashes. 0 and 0.0 differ, because their JSON texts differ."""
    return type(one) is type(other) and _find(one, other) is None


def _list(one: Any, other: Any) -> Found:
    if len(one) != len(other):
        return (f"has {len(one)} items, but comes back with {len(other)}",)
    if isinstance(one, deque) and one.maxlen != other.maxlen:
        return ("has another maxlen when it comes back",)
    return _parts(zip(itertools.count(), one, other, strict=False))


def _set(one: Any, other: Any) -> Found:
    own = {item: item for item in other}
    if len(one) != len(own) or not all(item in own for item in one):
        return ("comes back with other items",)
    return _parts((item, item, own[item]) for item in one)


def _parts(parts: Iterable[tuple[Any, Any, Any]]) -> Found:
    for name, value, back in parts:
        if value is back and type(value) in _PLAIN:
            continue
        if (found := _find(value, back)) is not None:
            return (name, *found)
    return None


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, datetime | time):
        return _same_time(one, other)
    if isinstance(one, Decimal):
        return bool(one.as_tuple() == other.as_tuple())
    if isinstance(one, Enum):
        return one is other
    try:
        return bool(one == other)
    except Exception:  # a type whose comparison fails
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
    """Marks a missing value."""


def _named(value: Any) -> str:
    if value is _Missing:
        return "not there"
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
