"""Numbers inside JSON text, kept with all their digits where the schema takes a Decimal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from workflows.forms.schema import JSONSchema, SchemaNodes


class InexactNumber(ValueError):
    """A number with more digits than a float holds, where nothing says that it is a Decimal."""


def exact_numbers(value: Any, candidates: Sequence[JSONSchema], nodes: SchemaNodes) -> Any:
    """Return JSON from `value`, whose fractions are `Decimal`.

    `candidates` are the schemas that may apply to it. A fraction becomes text where one of them is
    pydantic's Decimal (a number or text), else a float. Raise `InexactNumber` for one that a float
    would change while the schema says nothing about it.
    """
    members = [member for node in candidates for member in _members(node, nodes)]
    if isinstance(value, dict):
        return {
            key: exact_numbers(item, _of_key(members, key), nodes) for key, item in value.items()
        }
    if isinstance(value, list):
        return [exact_numbers(item, _of_item(members, n), nodes) for n, item in enumerate(value)]
    return _number(value, members) if isinstance(value, Decimal) else value


def _number(value: Decimal, members: Sequence[JSONSchema]) -> str | float:
    types = {member.get("type") for member in members}
    if "decimal" in types or {"number", "string"} <= types:
        return str(value)
    number = float(value)
    if types.isdisjoint({"number", "integer"}) and Decimal(repr(number)) != value:
        raise InexactNumber(
            f"{value} has more digits than a number here can keep; write it as text"
        )
    return number


def _members(node: JSONSchema, nodes: SchemaNodes) -> Iterator[JSONSchema]:
    """Yield the schemas, without references, of which `value` may be one."""
    flat, _ = nodes.without_null(node)
    unions = [*flat.get("anyOf", []), *flat.get("oneOf", [])]
    if not unions:
        yield flat
    for member in unions:
        yield from _members(member, nodes)


def _of_key(members: Sequence[JSONSchema], key: str) -> list[JSONSchema]:
    found = []
    for member in members:
        inner = member.get("properties", {}).get(key, member.get("additionalProperties"))
        found += [inner] if isinstance(inner, dict) else []
        found += member.get("patternProperties", {}).values()
    return found


def _of_item(members: Sequence[JSONSchema], index: int) -> list[JSONSchema]:
    found = []
    for member in members:
        fixed = member.get("prefixItems", [])
        inner = fixed[index] if index < len(fixed) else member.get("items")
        found += [inner] if isinstance(inner, dict) else []
    return found
