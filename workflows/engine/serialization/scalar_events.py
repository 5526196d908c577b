"""Events that need no conversion to JSON in a process: immutable, with scalar fields only.

Writing such an event as JSON and reading it back gives an equal event. So it is passed as an object
within the process. If anything could make a difference (a validator, a serializer, a list, a field
with its default), the event is converted to JSON and back.
"""

from __future__ import annotations

import math
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from workflows.engine.events import Event

SCALARS = frozenset({str, int, float, bool, NoneType})
LARGE = 2**63  # a larger integer is checked in the conversion
LONG = 2**16  # characters; a longer text is checked in the conversion

FieldTypes = tuple[tuple[str, frozenset[Any]], ...]


def scalar_fields(event: BaseModel) -> dict[str, Any] | None:
    """Return the fields of an event that needs no conversion; None if it may need one."""
    kinds = _scalar_types(type(event))
    if kinds is None or len(event.__pydantic_fields_set__) != len(kinds):
        return None
    values = event.__dict__
    if len(values) != len(kinds):
        return None
    for name, allowed in kinds:
        value = values[name]
        kind = type(value)
        if kind not in allowed:
            return None
        if kind is int:
            if not -LARGE < value < LARGE:
                return None
        elif kind is str:
            if not value.isascii() or "\x00" in value or len(value) > LONG:
                return None
        elif kind is float and not math.isfinite(value):
            return None
    return dict(values)


@lru_cache(maxsize=4096)
def _scalar_types(cls: type[BaseModel]) -> FieldTypes | None:
    """Return the exact types that each field may have; None for a class with its own methods."""
    found = cls.__pydantic_decorators__
    own_ways = (
        found.validators or found.field_validators or found.root_validators
        or found.model_validators or found.field_serializers or found.model_serializers
        or found.computed_fields or cls.__private_attributes__
        or cls.model_config != Event.model_config or cls.__init__ is not Event.__init__
        or cls.model_post_init is not BaseModel.model_post_init
    )  # fmt: skip
    if own_ways:
        return None
    kinds = []
    for name, field in cls.model_fields.items():
        allowed = _scalars(field.annotation)
        if not allowed or field.metadata or field.exclude or field.discriminator:
            return None
        kinds.append((name, allowed))
    return tuple(kinds)


def _scalars(annotation: Any) -> frozenset[Any]:
    """Return the scalar types of an annotation; none if it has other types, too."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return frozenset(parts) if SCALARS.issuperset(parts) else frozenset()
