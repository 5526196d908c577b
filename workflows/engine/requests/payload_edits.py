"""Changes of the payload that reviewers make before they approve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from pydantic_core import to_jsonable_python

from workflows.engine.errors import InvalidReply, UnstorableValue
from workflows.engine.requests.editable_types import read_edit
from workflows.engine.serialization.codec import encode

KINDS: tuple[tuple[Any, str], ...] = (
    (bool, "yes or no"), ((int, float), "a number"), (str, "a text"), (list, "a list"),
    (dict, "an object"),
)  # fmt: skip


def check_edits(
    editable: Iterable[str], payload: Any, edits: Mapping[str, Any], types: Mapping[str, str] = {}
) -> dict[str, Any]:
    """Return the edits that change a value, as JSON. A value keeps its kind.

    `types` has the types of some keys before the payload became JSON: see `EditType`.

    Raise `InvalidReply` with one entry per fault, located at ("edits", key).
    """
    allowed, found, faults = set(editable), {}, []
    for key, value in edits.items():
        fault = "" if key in allowed else "This may not be edited"
        try:
            plain = to_jsonable_python(value)
            encode(plain)
            if not fault and key in types:
                plain = read_edit(types[key], payload[key], plain)
            fault = fault or _misfit(payload[key], plain)
        except (UnstorableValue, ValueError) as error:
            fault = fault or str(error)
        if fault:
            faults.append({"loc": ("edits", key), "msg": fault, "type": "edit"})
        elif not json_equal(payload[key], plain):
            found[key] = plain
    if faults:
        message = "; ".join(f"{one['loc'][1]}: {one['msg']}" for one in faults)
        raise InvalidReply(f"The edits do not fit: {message}.", faults)
    return found


def as_stored(edits: Mapping[str, Any], payload: Any, types: Mapping[str, str]) -> dict[str, Any]:
    """Return edits in the form that `check_edits` stores; invalid ones unchanged."""
    found = dict(edits)
    for key in types.keys() & found.keys():
        with suppress(ValueError):
            found[key] = read_edit(types[key], payload[key], to_jsonable_python(found[key]))
    return found


def apply_edits(payload: Any, edits: Mapping[str, Any] | None) -> Any:
    """Return a copy of the payload with the edits applied."""
    return {**payload, **edits} if edits and isinstance(payload, dict) else payload


def json_equal(left: Any, right: Any) -> bool:
    """Return True if two JSON values are equal. The whole project uses this comparison.

    The order of keys is ignored. Numbers are compared like their JSON texts and their digests:
    1, 1.0 and true differ, 0.0 and -0.0 differ, and integers of any length are exact.
    """
    pairs = [(left, right)]
    while pairs:  # without recursion, so that any depth works
        one, other = pairs.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(one[key], other[key]) for key in one]
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif not _same_scalar(one, other):
            return False
    return True


def _same_scalar(one: Any, other: Any) -> bool:
    for kind in (bool, float):
        if isinstance(one, kind) != isinstance(other, kind):
            return False
    return repr(one) == repr(other) if isinstance(one, float) else bool(one == other)


def _misfit(before: Any, after: Any) -> str:
    """Return what `after` has to be, if `before` was not null and is of another kind."""
    if before is None or kind_of(before) == kind_of(after):
        return ""
    return f"This has to be {kind_of(before)}"


def kind_of(value: Any) -> str:
    """Return the kind of a JSON value, in words."""
    return next((words for kind, words in KINDS if isinstance(value, kind)), "nothing")
