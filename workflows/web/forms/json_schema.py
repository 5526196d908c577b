"""Reading pydantic's JSON Schema: references followed, null and Decimal recognised.

Pydantic writes one type in several ways (`$ref` beside a description, `anyOf` with null, a
Decimal as number or text). The rest of this package sees one flat node per property.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JSONSchema = dict[str, Any]

_REF = "#/$defs/"


class SchemaNodes:
    """The nodes of one schema document, with its `$defs` at hand."""

    def __init__(self, document: JSONSchema) -> None:
        self._defs: JSONSchema = document.get("$defs", {})

    def flat(self, node: JSONSchema) -> JSONSchema:
        """`node` with `$ref` and a lone `allOf` merged in; what stands beside them wins.

        A reference that leads to itself or to nothing gives a node without a type, which is
        drawn as JSON text.
        """
        seen: set[str] = set()
        while True:
            ref = node.get("$ref")
            lone = node.get("allOf", [])
            if isinstance(ref, str):
                if ref in seen:
                    return {}
                seen.add(ref)
                target = self._defs.get(ref.removeprefix(_REF), {})
                node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
            elif len(lone) == 1:
                node = {**lone[0], **{k: v for k, v in node.items() if k != "allOf"}}
            else:
                return node

    def without_null(self, node: JSONSchema) -> tuple[JSONSchema, bool]:
        """`node` as it is when something is said, and whether null may be said instead."""
        node = self.flat(node)
        if "anyOf" in node:
            return self._union_without_null(node)
        choices = node.get("enum")
        if isinstance(choices, list) and None in choices:
            return {**node, "enum": [choice for choice in choices if choice is not None]}, True
        return node, node.get("type") == "null"

    def _union_without_null(self, node: JSONSchema) -> tuple[JSONSchema, bool]:
        members = [self.flat(member) for member in node["anyOf"]]
        said = [member for member in members if member.get("type") != "null"]
        nullable = len(said) < len(members)
        around = {key: value for key, value in node.items() if key != "anyOf"}
        if len(said) == 1:
            inner, deeper = self.without_null(said[0])
            return {**inner, **around}, nullable or deeper
        decimal = _as_decimal(said)
        if decimal is not None:
            return {**decimal, **around}, nullable
        return {**around, "anyOf": said}, nullable

    def refs(self, node: JSONSchema) -> Iterator[str]:
        """The names of the definitions that `node` itself stands for (not those inside it)."""
        ref = node.get("$ref")
        if isinstance(ref, str):
            yield ref
            yield from self.refs(self._defs.get(ref.removeprefix(_REF), {}))
        for member in [*node.get("anyOf", []), *node.get("allOf", [])]:
            yield from self.refs(member)


def _as_decimal(members: list[JSONSchema]) -> JSONSchema | None:
    """Pydantic's Decimal, a number or the same number as text, as one node of its own type.

    A hand-written `float | str` looks the same; as its text is sent as it was typed, nothing is
    lost by treating it alike.
    """
    by_type = {member.get("type"): member for member in members}
    if len(members) != 2 or set(by_type) != {"number", "string"}:
        return None
    if set(by_type["string"]) - {"type", "pattern"}:
        return None
    return {**by_type["number"], "type": "decimal"}
