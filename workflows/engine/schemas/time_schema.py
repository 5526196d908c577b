"""Reads times from JSON that may name their zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

from pydantic import TypeAdapter, ValidationError


def time_reader(
    kind: type[datetime] | type[time], read_zoned: Callable[[Any, str], Any]
) -> Callable[[Any, Any, Any], Any]:
    """Return a wrap validator with info around the schema of a time of this kind.

    `read_zoned(kind, text)` reads a text with a zone, and the schema checks the time.
    """
    lax: TypeAdapter[Any] = TypeAdapter(kind)

    def read(value: Any, handler: Any, info: Any) -> Any:
        if not isinstance(value, str):
            return handler(value)
        if value.endswith("]"):
            return handler(read_zoned(kind, value))
        try:
            return handler(value)
        except ValidationError as error:
            strict = error.errors(include_url=False)[0]["type"] == f"{kind.__name__}_type"
            if not strict or info.mode != "json":
                raise
        return handler(lax.validate_python(value))  # JSON has texts for times

    return read
