"""The nodes of a pydantic core schema, and how to rewrite all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SchemaNode = dict[str, Any]

_NESTED = (
    "schema", "items_schema", "keys_schema", "values_schema", "json_schema", "python_schema",
    "lax_schema", "strict_schema", "extras_schema", "extras_keys_schema", "return_schema",
    "var_args_schema", "var_kwargs_schema", "arguments_schema", "steps", "definitions",
    "serialization",
)  # fmt: skip
_TABLES = ("fields", "choices")  # schemas by arbitrary names, or a list


def with_children(node: SchemaNode, rewrite: Callable[[SchemaNode], SchemaNode]) -> SchemaNode:
    """Return a copy of `node` with each schema directly within it rewritten."""

    def walk(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(walk(item) for item in value)
        return rewrite(value) if isinstance(value, dict) else value

    found = {key: walk(value) if key in _NESTED else value for key, value in node.items()}
    for key in _TABLES:
        if isinstance(table := node.get(key), dict):
            found[key] = {name: walk(item) for name, item in table.items()}
        elif table is not None:
            found[key] = walk(table)
    return found
