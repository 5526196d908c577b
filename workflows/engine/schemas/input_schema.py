"""The schema for values from outside. It is stricter than the schema of the class.

A plain model drops unknown keys, so a misspelt key of an answer would be lost without an error. In
values from outside such a key is an error, unless the config of the model sets `extra`. Times may
also have the form in which they are stored and shown, with the name of their zone.
"""

from __future__ import annotations

from datetime import datetime, time
from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import SchemaValidator, core_schema

from workflows.engine.schemas.core_schema import SchemaNode, with_children
from workflows.engine.schemas.time_schema import time_reader
from workflows.engine.schemas.zoned_times import read_outside_time

_TIMES: dict[str, type[datetime] | type[time]] = {"datetime": datetime, "time": time}
_WITH_FIELDS = frozenset({"model", "dataclass", "typed-dict"})


@lru_cache(maxsize=4096)
def outside_validator(cls: type[BaseModel]) -> SchemaValidator:
    """Return the validator that reads data from outside into `cls`. All of its validators run."""
    if not cls.__pydantic_complete__:
        cls.model_rebuild()
    schema = _OutsideSchema(cls.__pydantic_core_schema__)
    if not schema.differs:
        return cast(SchemaValidator, cls.__pydantic_validator__)
    # The prebuilt validators of inner classes drop unknown keys, so they are not used.
    return SchemaValidator(schema.schema, _use_prebuilt=False)


class _OutsideSchema:
    """The rewritten schema of a class. `differs` is True if anything was changed."""

    def __init__(self, schema: Any) -> None:
        self.differs = False
        self.schema: Any = self._walk(schema)

    def _walk(self, node: SchemaNode) -> SchemaNode:
        found = with_children(node, self._walk)
        kind = found.get("type")
        if kind in _TIMES:
            return self._with_zone(found, _TIMES[kind])
        if kind in _WITH_FIELDS:
            return self._closed(found)
        return found

    def _closed(self, node: SchemaNode) -> SchemaNode:
        config = node.get("config") or {}
        if "extra_fields_behavior" in config or "extra_behavior" in node:
            return node
        self.differs = True
        return {**node, "config": {**config, "extra_fields_behavior": "forbid"}}

    def _with_zone(self, node: SchemaNode, kind: type[datetime] | type[time]) -> SchemaNode:
        self.differs = True
        kept: SchemaNode = {
            key: node.pop(key) for key in ("ref", "metadata", "serialization") if key in node
        }
        new: Any = core_schema.with_info_wrap_validator_function(
            time_reader(kind, read_outside_time), cast(core_schema.CoreSchema, node)
        )
        return {**new, **kept}
