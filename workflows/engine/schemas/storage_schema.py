"""The schema for stored events: that of the class, without validators and constraints.

Validators ran when the event was made. If they ran again, `v * 100` would change a value twice, and
a time that was in the future then would be refused. So they and the constraints are removed. The
parts that a type needs to be built from JSON are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any, cast

from pydantic_core import PydanticSerializationUnexpectedValue, core_schema

from workflows.engine.schemas.core_schema import SchemaNode, with_children
from workflows.engine.schemas.time_schema import time_reader
from workflows.engine.schemas.validators import Validators
from workflows.engine.schemas.zoned_times import read_time, standard_zone, write_time

_CONSTRAINTS = frozenset({
    "gt", "ge", "lt", "le", "multiple_of", "max_digits", "decimal_places", "min_length",
    "max_length", "pattern", "strip_whitespace", "to_lower", "to_upper", "ascii_only", "now_op",
    "now_utc_offset", "tz_constraint", "validate_default", "revalidate_instances",
    "fail_fast",
})  # fmt: skip
_CONFIG = frozenset({
    "str_max_length", "str_min_length", "str_strip_whitespace", "str_to_lower", "str_to_upper",
    "validate_default", "revalidate_instances",
})  # fmt: skip
_CONSTRAINED = frozenset({
    "int", "float", "decimal", "str", "bytes", "date", "datetime", "time", "timedelta", "list",
    "tuple", "set", "frozenset", "dict", "deque", "generator", "default", "model", "dataclass",
    "counter", "ordered-dict",
})  # fmt: skip
_UNBUILT = frozenset({"is-instance", "is-subclass", "callable"})  # JSON has no such values


class StorageSchema:
    """The rewritten schema of a class. `zoned` is True if it has times, whose form is changed."""

    def __init__(self, schema: core_schema.CoreSchema) -> None:
        self._validators = Validators(schema)
        self.zoned = False
        self.schema: Any = _open(self._walk(cast(SchemaNode, schema)))

    def _walk(self, node: SchemaNode) -> SchemaNode:
        found = with_children(self._rewrite(node), self._walk)
        return self._keep_zone(found) if found.get("type") in _TIMES else found

    def _rewrite(self, node: SchemaNode) -> SchemaNode:
        """Return the node without validators and constraints; its children are unchanged."""
        kind = node.get("type", "")
        if kind.startswith("function-") and "function" in node:
            return self._without_validator(node)
        if kind == "json":  # the text was parsed already; its content is stored
            return self._rewrite(_like(node, node.get("schema") or {"type": "any"}))
        if kind in _CONSTRAINED:
            node = {key: value for key, value in node.items() if key not in _CONSTRAINTS}
        if kind == "float" or kind == "decimal":
            node["allow_inf_nan"] = True
        if kind == "model":
            node["custom_init"] = False
        if config := node.get("config"):
            node = {**node, "config": {k: v for k, v in config.items() if k not in _CONFIG}}
        return node

    def _without_validator(self, node: SchemaNode) -> SchemaNode:
        function = node["function"]
        if not isinstance(function, dict) or not self._validators.has(function["function"]):
            return node
        if node["type"] == "function-plain":
            inner = node.get("serialization", {}).get("schema")
        else:
            inner = node["schema"]
        if inner is None or _kind_within(inner) in _UNBUILT:
            return node
        return self._rewrite(_like(node, inner))

    def _keep_zone(self, node: SchemaNode) -> SchemaNode:
        self.zoned = True
        kind = _TIMES[node["type"]]
        kept: SchemaNode = {
            key: node.pop(key) for key in ("ref", "metadata", "serialization") if key in node
        }
        new: Any = core_schema.with_info_wrap_validator_function(_reader(kind), node)
        written: Any = core_schema.plain_serializer_function_ser_schema(
            _writer(kind), when_used="json"
        )
        return {"serialization": written, **new, **kept}


_TIMES: dict[str, type[datetime] | type[time]] = {"datetime": datetime, "time": time}


def _like(outer: SchemaNode, inner: SchemaNode) -> SchemaNode:
    """Return `inner` in place of `outer`, with the reference and the serializer of `outer`."""
    kept: SchemaNode = {key: outer[key] for key in ("ref", "serialization") if key in outer}
    if kept.get("serialization", {}).get("schema") is inner:
        del kept["serialization"]
    return {**inner, **kept}


def _kind_within(node: SchemaNode) -> str:
    """Return the type inside function schemas and other wrappers."""
    while node.get("type", "").startswith("function-") and "schema" in node:
        node = node["schema"]
    if node.get("type") == "json-or-python":
        return _kind_within(node["json_schema"])
    return str(node.get("type", ""))


def _open(node: Any) -> Any:
    """Ignore unknown fields of the outermost class, because it may have lost a field since."""
    if node.get("type") == "definitions":
        ref = node["schema"].get("schema_ref")
        parts = [_open(one) if one.get("ref") == ref else one for one in node["definitions"]]
        return {**node, "schema": _open(node["schema"]), "definitions": parts}
    if node.get("type", "").startswith("function-") and "schema" in node:
        return {**node, "schema": _open(node["schema"])}
    config = node.get("config", {})
    if node.get("type") != "model" or config.get("extra_fields_behavior") != "forbid":
        return node
    config = {**config, "extra_fields_behavior": "ignore"}
    return {**node, "config": config, "schema": _without_forbid(node["schema"])}


def _without_forbid(node: SchemaNode) -> SchemaNode:
    if node.get("extra_behavior") == "forbid":
        node = {**node, "extra_behavior": "ignore"}
    if "schema" in node and node["type"] != "model-fields":
        node = {**node, "schema": _without_forbid(node["schema"])}
    return node


def _reader(kind: type[datetime] | type[time]) -> Callable[[Any, Any, Any], Any]:
    inner = time_reader(kind, read_time)

    def read(value: Any, handler: Any, info: Any) -> Any:
        return standard_zone(inner(value, handler, info))

    return read


def _writer(kind: type[datetime] | type[time]) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        if type(value) is not kind:  # in a union, another member takes it
            raise PydanticSerializationUnexpectedValue(f"{value!r} is no {kind.__name__}")
        return write_time(value)

    return write
