"""Limits the size of values that a step stores. A larger value fails the step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from workflows.engine.errors import UnstorableValue

MAX_BYTES = 16 * 1024 * 1024  # of one event, value or result, as JSON
MAX_TOGETHER = 64 * 1024 * 1024  # of all events of a step, and of all values of a run
_LARGE = MAX_TOGETHER // 1024  # a thousand smaller ones together are below the limit
FEW = MAX_TOGETHER // MAX_BYTES  # up to this number of values cannot exceed the limit together


def check_size(tree: Any) -> None:
    """Raise `UnstorableValue` if one value is larger than `MAX_BYTES`."""
    if isinstance(tree, str | list | dict) and (size := _size(tree)) > MAX_BYTES:
        raise too_large(size)


def check_together(what: str, trees: Iterable[Any]) -> None:
    """Raise `UnstorableValue` if all values, each of which was checked, are too large together."""
    several = list(trees)
    if len(several) > FEW and (size := sum(map(_size, several))) > MAX_TOGETHER:
        raise UnstorableValue(f"{what} have {size:,} bytes, more than {MAX_TOGETHER:,}.")


def check_state(values: Mapping[str, Any], writes: Mapping[str, Any]) -> None:
    """Raise `UnstorableValue` if the values of a run, with these new ones, are too large."""
    if any(_size(one) > _LARGE for one in writes.values()):
        check_together("The values of the run", {**values, **writes}.values())


def too_large(size: int) -> UnstorableValue:
    """Return the error of one value of this number of bytes."""
    return UnstorableValue(f"{size:,} bytes of JSON are more than the {MAX_BYTES:,} of one value.")


def _size(tree: Any) -> int:
    try:
        return len(to_json(tree))
    except PydanticSerializationError:  # tagged values nest deeper than it is ready to write
        return len(json.dumps(tree))
