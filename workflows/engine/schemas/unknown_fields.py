"""Errors of unknown fields, with a similar field that may be meant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

UNKNOWN = "extra_forbidden"  # pydantic's types of the error
NO_TUPLE = "tuple_type"
_TYPES = frozenset({UNKNOWN, "unexpected_keyword_argument"})  # of a model, of a dataclass


def name_unknown_fields(error: ValidationError, cls: type) -> ValidationError:
    """Return the error of `cls` with a suggestion for each unknown field.

    Also suggest `("alice",)` for a single text if several are expected.
    """
    faults = error.errors(include_url=False)
    if all(one["type"] not in _TYPES and one["type"] != NO_TUPLE for one in faults):
        return error
    named = [_fault(dict(one), cls) for one in faults]
    return ValidationError.from_exception_data(error.title, named)


def unknown_field(name: str, known: Iterable[str]) -> str:
    """Return the error text for an unknown field, with a similar field if there is one."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    near = near or [one for one in known if one.startswith(f"{name}_")][:1]
    return f"There is no field {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _fault(fault: dict[str, Any], cls: type) -> InitErrorDetails:
    text = str(fault["msg"])
    if fault["type"] in _TYPES and fault["loc"]:
        text = unknown_field(str(fault["loc"][-1]), _known(cls, fault["loc"][:-1]))
    if fault["type"] == NO_TUPLE and isinstance(fault["input"], str):
        single = json.dumps(fault["input"])
        text = f"This takes several texts, so a single one is written ({single},)"
    kind = PydanticCustomError(fault["type"], text)
    return InitErrorDetails(type=kind, loc=fault["loc"], input=fault["input"])


def _known(cls: type, way: Sequence[int | str]) -> list[str]:
    """Return the field names of the classes at this place of `cls`.

    If a part of the place is no field (an index, a key, a member of a union), it selects the class
    of that name if there is one, and is skipped otherwise.
    """
    here = [cls]
    for part in way:
        named = [one for one in here if one.__name__ == part]
        within = [
            found
            for one in here
            for name, annotation in _fields(one).items()
            if part in (name, _alias(one, name))
            for found in _classes(annotation)
        ]
        here = named or within or here
    return [_alias(one, name) or name for one in here for name in _fields(one)]


def _fields(cls: type) -> dict[str, Any]:
    """Return the annotations of a class's fields by name, empty for other classes."""
    own = getattr(cls, "__pydantic_fields__", None)
    if isinstance(own, dict):
        return {name: field.annotation for name, field in own.items()}
    if hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__total__"):
        return dict(getattr(cls, "__annotations__", {}))
    return {}


def _alias(cls: type, name: str) -> str | None:
    field = getattr(cls, "__pydantic_fields__", {}).get(name)
    alias = getattr(field, "validation_alias", None)
    return alias if isinstance(alias, str) else None


def _classes(annotation: Any) -> Iterator[type]:
    """Yield the classes with fields in an annotation."""
    annotation = getattr(annotation, "__value__", annotation)
    if isinstance(annotation, type) and _fields(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _classes(part)
