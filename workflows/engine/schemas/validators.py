"""Finds the functions of a schema that are validators of an author.

A schema has two kinds of functions: validators of authors, and functions that a type needs to be
built. They look alike in the schema. So the validators are found where they were written: in the
annotations and the decorators of the classes of the schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, get_args

import annotated_types
from pydantic import AfterValidator, BeforeValidator, PlainValidator, WrapValidator
from pydantic.fields import FieldInfo
from typing_extensions import get_type_hints

_ANNOTATED = (AfterValidator, BeforeValidator, PlainValidator, WrapValidator)
_DECORATED = ("validators", "field_validators", "root_validators", "model_validators")
_DATA = ("metadata", "default", "expected", "members")
# Modules in which pydantic wraps an author's function: predicates, and the old decorators.
_WRAPPED_IN = ("pydantic._internal._known_annotated_metadata", "pydantic._internal._decorators_v1")


class Validators:
    """The validators in a schema."""

    def __init__(self, schema: Any) -> None:
        # Functions are compared by identity: they may be equal to anything, and unhashable.
        self._found: dict[int, Any] = {}
        for cls in {id(one): one for one in _classes(schema)}.values():
            self._add(_decorated(cls))
            self._add(_annotated(_annotations(cls)))

    def has(self, function: Any) -> bool:
        """Return True if this function of the schema is an author's validator."""
        plain = _plain(function)
        return id(plain) in self._found or getattr(plain, "__module__", "") in _WRAPPED_IN

    def _add(self, functions: Iterable[Any]) -> None:
        for function in functions:
            plain = _plain(function)
            self._found[id(plain)] = plain


def _plain(function: Any) -> Any:
    """Return the function of a bound method, which is a new object each time."""
    return getattr(function, "__func__", function)


def _classes(schema: Any) -> Iterator[type]:
    """Return all classes that a schema builds."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("cls"), type):
                yield node["cls"]
            waiting += [value for key, value in node.items() if key not in _DATA]
        elif isinstance(node, list | tuple):
            waiting += node


def _decorated(cls: type) -> Iterator[Any]:
    decorators = getattr(cls, "__pydantic_decorators__", None)
    for kind in _DECORATED:
        for decorator in getattr(decorators, kind, {}).values():
            yield decorator.func


def _annotations(cls: type) -> list[Any]:
    fields = getattr(cls, "__pydantic_fields__", None)
    found = list(fields.values()) if isinstance(fields, dict) else []
    try:
        return [*found, *get_type_hints(cls, include_extras=True).values()]
    except Exception:  # only pydantic can resolve the names; it has read the fields
        return found


def _annotated(annotations: Iterable[Any]) -> Iterator[Any]:
    """Return the validators in annotations, at any depth."""
    waiting, seen = list(annotations), dict[int, Any]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one  # kept, so that its id is not used again
        if isinstance(one, _ANNOTATED):
            yield one.func
        elif isinstance(one, FieldInfo):
            waiting += [one.annotation, *one.metadata]
        elif isinstance(one, list | tuple):  # the arguments of a callable
            waiting += one
        elif isinstance(one, annotated_types.GroupedMetadata) and not isinstance(one, type):
            waiting += list(one)
        else:
            waiting += [*get_args(one), *getattr(one, "__metadata__", ())]
            alias = getattr(one, "__origin__", one)
            if (value := getattr(alias, "__value__", None)) is not None:
                waiting.append(value)
