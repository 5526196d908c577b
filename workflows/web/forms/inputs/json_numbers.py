"""Numbers typed as JSON, with all their digits where the schema can keep them.

A JSON number with a fraction is read as a float, and a `Decimal` made of that has lost what the
float could not hold: 0.10000000000000000555 becomes 0.1, and 1.10 becomes 1.1. As a text it
arrives whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from workflows.engine.serialization.json_limits import InputRefused, WrittenFloat

DEPTH = 50  # references and alternatives inside each other, of a schema that refers to itself


class SchemaLocation(NamedTuple):
    """A schema, and the document whose `$defs` it refers to."""

    schema: Mapping[str, Any]
    whole: Mapping[str, Any]


def keep_digits(value: Any, *schemas: Mapping[str, Any], what: str) -> Any:
    """Return `value` with each number that a float does not hold as it was written replaced.

    Where a schema takes a decimal, which is a number or a text, it becomes the text. Where it
    takes a float, it becomes the nearest. Where no schema says anything, a float has to hold it,
    or `InputRefused` is raised with its place. `value` is from `parse_json(digits=True)`.
    """
    return _keep(value, [SchemaLocation(schema, schema) for schema in schemas], what, "$")


def _keep(value: Any, locations: Sequence[SchemaLocation], what: str, where: str) -> Any:
    if isinstance(value, WrittenFloat):
        return _number(value, locations, what, where)
    if isinstance(value, dict):
        return {
            key: _keep(item, list(_members(locations, key)), what, f"{where}.{key}")
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _keep(item, list(_items(locations, at)), what, f"{where}[{at}]")
            for at, item in enumerate(value)
        ]
    return value


def _number(value: WrittenFloat, locations: Sequence[SchemaLocation], what: str, where: str) -> Any:
    found = [one.schema for one in _alternatives(locations)]
    types = {one.get("type") for one in found}
    if {"number", "string"} <= types:
        return value.text
    nearest = float(value)
    if types - {None} or Decimal(value.text) == Decimal(repr(nearest)):
        return nearest
    reason = (
        f"has the number {value.text[:60]}, of which a float keeps {nearest!r}; "
        "write it in quotes to keep all of it as a text"
    )
    raise InputRefused(what, reason, where)


def _alternatives(locations: Sequence[SchemaLocation], depth: int = 0) -> Iterator[SchemaLocation]:
    """Yield the schemas that a value may go by, behind references and unions."""
    if depth > DEPTH:
        return
    for schema, whole in locations:
        inner = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
        if name := str(schema.get("$ref", "")).removeprefix("#/$defs/"):
            inner.append(whole.get("$defs", {}).get(name, {}))
        if inner:
            yield from _alternatives([SchemaLocation(one, whole) for one in inner], depth + 1)
        else:
            yield SchemaLocation(schema, whole)


def _members(locations: Sequence[SchemaLocation], key: str) -> Iterator[SchemaLocation]:
    for schema, whole in _alternatives(locations):
        found = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        for one in (found, *schema.get("patternProperties", {}).values()):
            if isinstance(one, Mapping):
                yield SchemaLocation(one, whole)


def _items(locations: Sequence[SchemaLocation], at: int) -> Iterator[SchemaLocation]:
    for schema, whole in _alternatives(locations):
        first = schema.get("prefixItems", [])
        found = first[at] if at < len(first) else schema.get("items")
        if isinstance(found, Mapping):
            yield SchemaLocation(found, whole)
