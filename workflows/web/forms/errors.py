"""Pydantic's errors, each with the field that it belongs to and a sentence for its reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflows.web.forms.form_spec import ROOT, FieldSpec, Widget

_PREFIXES = ("Value error, ", "Assertion failed, ")

# Where pydantic speaks to the programmer. All its other messages are fit to be read.
_SENTENCES = {
    "missing": "Required.",
    "int_parsing": "This is not a whole number.",
    "int_from_float": "This is not a whole number.",
    "float_parsing": "This is not a number.",
    "decimal_parsing": "This is not a number. Write it with a point, such as 12.50.",
    "bool_parsing": "This is neither yes nor no.",
    "date_from_datetime_parsing": "This is not a date, such as 2026-03-31.",
    "datetime_from_date_parsing": "This is not a date and time, such as 2026-03-31T09:30.",
    "time_parsing": "This is not a time, such as 09:30.",
}


def location_of(loc: Sequence[str | int], specs: Mapping[str, FieldSpec]) -> tuple[str, str]:
    """The name of the field that `loc` leads to, and the way on inside its JSON (`[2].kind`).

    `loc` may begin with `response`, as errors of a whole reply do, and holds the names of union
    members, which are no places. A location that is no field's comes back dotted.
    """
    parts = list(loc)
    if parts and parts[0] == ROOT and ROOT not in specs:
        parts = parts[1:]
    if ROOT in specs and len(specs) == 1 and parts[:1] != [ROOT]:
        parts = [ROOT, *parts]
    name = ""
    for n, part in enumerate(parts):
        inner = f"{name}.{part}" if name else str(part)
        if inner in specs:
            name = inner
        elif not name or specs[name].widget is not Widget.FIELDSET:
            return (name, _inside(specs[name], parts[n:])) if name else (_dotted(parts), "")
    return name, ""


def message_of(error: Mapping[str, Any], rest: str) -> str:
    """A sentence for the reader: where in a JSON text, if it is one, and what is wrong there."""
    message = _SENTENCES.get(str(error.get("type"))) or str(error.get("msg", "This is not valid."))
    for prefix in _PREFIXES:
        message = message.removeprefix(prefix)
    return f"At {rest}: {message}" if rest else message


def _inside(spec: FieldSpec, parts: Sequence[str | int]) -> str:
    if spec.node.get("type") not in ("array", "object"):
        return ""
    if spec.widget is Widget.LINES and isinstance(parts[0], int):
        return f"entry {parts[0] + 1}"
    return _dotted(parts)


def _dotted(parts: Sequence[str | int]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return path.removeprefix(".")
