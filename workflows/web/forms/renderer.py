"""From shapes to drawn fields: what was typed first, else the initial value, else the default."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.dateparse import parse_date, parse_datetime, parse_time

from workflows.web.forms.field import Field, Option
from workflows.web.forms.help_text import hint
from workflows.web.forms.inputs.choices import text_of
from workflows.web.forms.inputs.datetimes import to_input
from workflows.web.forms.inputs.texts import (
    has_line_ends,
    html_pattern,
    keyboard,
    rows,
    unix_newlines,
)
from workflows.web.forms.inputs.uploads import PREFIX
from workflows.web.forms.outline import EXTRAS, MISSING, Kind, Shape
from workflows.web.forms.post_reader import last

_NOT_SAID = "Unspecified"
_TRISTATE = (("true", "Yes"), ("false", "No"))
_CLOCKS = {
    Kind.DATE: ("date", parse_date),
    Kind.DATETIME: ("datetime-local", parse_datetime),
    Kind.TIME: ("time", parse_time),
}
_FILE_TYPES = {
    "text/csv": ".csv,text/csv",
    "text/plain": ".txt,.md,text/plain",
    "application/json": ".json,application/json",
}


class Drawing:
    """Draws one form. `lenient` leaves out all that makes a browser refuse to send.

    That is for forms with a verdict: nothing half-typed may stand between a reviewer and Reject.
    """

    def __init__(
        self,
        *,
        data: QueryDict | None,
        uploaded: Mapping[str, str],
        errors: Mapping[str, list[str]],
        prefix_id: str,
        uploads: bool,
        lenient: bool,
    ) -> None:
        self.data = data
        self.uploaded = uploaded
        self.errors = errors
        self.prefix_id = prefix_id
        self.uploads = uploads
        self.lenient = lenient

    def field(self, shape: Shape, initial: Any = MISSING, *, quiet: bool = False) -> Field:
        """The field of `shape`; `quiet` inside an optional model, whose defaults are not filled."""
        start = shape.default if initial is MISSING and not quiet else initial
        drawn = Field(
            name=shape.name,
            label=shape.label,
            kind=shape.kind,
            required=shape.required and not shape.nullable,
            id=self.id_of(shape),
            help=hint(shape),
            errors=list(self.errors.get(shape.name, [])),
        )
        if shape.kind is Kind.FIELDSET:
            drawn.children = self.children(shape, start, quiet=quiet)
        elif shape.kind is Kind.CHECKBOX:
            drawn.value = self.is_ticked(shape, start)
        elif shape.kind in (Kind.CHECKBOXES, Kind.MULTISELECT):
            drawn.choices = self.options(shape, self.chosen(shape, start), drawn.id)
        else:
            text = self.text(shape, start)
            drawn.value = text
            drawn.choices = self.options(shape, {text}, drawn.id)
        if self.uploads and shape.kind is Kind.LONG_TEXT:
            drawn.file_name = PREFIX + shape.name
            drawn.file_types = _FILE_TYPES.get(str(shape.node.get("contentMediaType")), "")
        drawn.attrs = self.attrs(shape, drawn, quiet=quiet)
        return drawn

    def id_of(self, shape: Shape) -> str:
        return f"{self.prefix_id}id_{re.sub(r'[^A-Za-z0-9_]', '-', shape.name)}"

    def children(self, shape: Shape, start: Any, *, quiet: bool) -> list[Field]:
        values = start if isinstance(start, dict) else {}
        inner = quiet or shape.nullable
        return [
            self.field(child, values.get(child.key, MISSING), quiet=inner)
            for child in shape.children
        ]

    def is_ticked(self, shape: Shape, start: Any) -> bool:
        if self.data is None:
            return start is True
        return last(self.data, shape.name).strip().lower() not in ("", "false", "off", "0")

    def chosen(self, shape: Shape, start: Any) -> set[str]:
        if self.data is not None:
            return set(self.data.getlist(shape.name))
        values = start if isinstance(start, list | tuple | set) else []
        return {text_of(shape.choices, value) for value in values}

    def text(self, shape: Shape, start: Any) -> str:
        if shape.node.get("format") == "password" or shape.node.get("writeOnly"):
            return ""
        if shape.name in self.uploaded:
            return self.uploaded[shape.name]
        if self.data is not None and shape.name in self.data:
            return unix_newlines(last(self.data, shape.name))
        return "" if start is MISSING else as_text(shape, start)

    def options(self, shape: Shape, chosen: set[str], field_id: str) -> list[Option]:
        pairs = [(choice.text, choice.label) for choice in shape.choices]
        if shape.kind is Kind.TRISTATE:
            pairs = list(_TRISTATE)
        if shape.kind in (Kind.TRISTATE, Kind.SELECT) and ("" in chosen or shape.nullable):
            pairs.insert(0, ("", _NOT_SAID if shape.nullable else "Choose…"))
        return [
            Option(text, label, text in chosen, f"{field_id}-{n}")
            for n, (text, label) in enumerate(pairs)
        ]

    def attrs(self, shape: Shape, drawn: Field, *, quiet: bool) -> dict[str, str | None]:
        """Attributes of the input; numbers are text inputs, so that a wrong one can be shown."""
        attrs = _kind_attrs(shape, str(drawn.value))
        example = _placeholder(shape, quiet=quiet)
        if example and "rows" not in attrs and not drawn.choices:
            attrs["placeholder"] = example
        must = drawn.required and shape.kind not in (Kind.CHECKBOX, Kind.CHECKBOXES, Kind.FIELDSET)
        if must and quiet:
            return attrs
        if must and (self.lenient or drawn.file_name):
            attrs["aria-required"] = "true"
        elif must:
            attrs["required"] = None
        if not self.lenient and shape.kind is Kind.TEXT:
            attrs |= _text_bounds(shape)
        return attrs


def _kind_attrs(shape: Shape, value: str) -> dict[str, str | None]:
    match shape.kind:
        case Kind.INTEGER:
            return {"type": "text", "inputmode": _number_keys(shape, "numeric")}
        case Kind.NUMBER | Kind.DECIMAL:
            return {"type": "text", "inputmode": _number_keys(shape, "decimal")}
        case Kind.DATE | Kind.DATETIME | Kind.TIME:
            return _clock_attrs(shape, value)
        case Kind.LONG_TEXT:
            return {"rows": str(rows(shape.key))}
        case Kind.LINES:
            return {"rows": str(min(max(value.count("\n") + 2, 3), 16)), "spellcheck": "false"}
        case Kind.JSON:
            lines = min(max(value.count("\n") + 1, 3), 16)
            return {"rows": str(lines), "spellcheck": "false", "autocapitalize": "off"}
        case Kind.MULTISELECT:
            return {"multiple": None, "size": str(min(len(shape.choices), 10))}
        case Kind.TEXT:
            keys = keyboard(shape.node)
            secret = shape.node.get("format") == "password"
            shown: dict[str, str | None] = {"type": "password" if secret else "text"}
            return shown | ({"inputmode": keys} if keys else {}) | {"autocomplete": "off"}
    return {}


def _number_keys(shape: Shape, keys: str) -> str:
    """Some phones have no minus on their number pads: those only where nothing is below zero."""
    low = shape.node.get("minimum", shape.node.get("exclusiveMinimum"))
    return keys if low is not None and low >= 0 else "text"


def _clock_attrs(shape: Shape, value: str) -> dict[str, str | None]:
    """A picker, unless what was typed is no date: a picker would drop it without a word."""
    picker, parse = _CLOCKS[shape.kind]
    if value and not _parses(parse, value):
        return {"type": "text"}
    has_seconds = shape.kind is not Kind.DATE and value.count(":") > 1
    return {"type": picker, "step": "1"} if has_seconds else {"type": picker}


def _parses(parse: Any, value: str) -> bool:
    try:
        found = parse(value)
    except ValueError:
        return False
    # The input takes local times only; one with an offset would be dropped.
    return found is not None and getattr(found, "tzinfo", None) is None


def _text_bounds(shape: Shape) -> dict[str, str | None]:
    bounds = {
        "minlength": shape.node.get("minLength"),
        "maxlength": shape.node.get("maxLength"),
        "pattern": html_pattern(shape.node.get("pattern")),
    }
    return {name: str(bound) for name, bound in bounds.items() if bound}


def _placeholder(shape: Shape, *, quiet: bool) -> str:
    if quiet and shape.default is not MISSING and shape.default is not None:
        return as_text(shape, shape.default)
    examples = shape.node.get("examples")
    return as_text(shape, examples[0]) if isinstance(examples, list) and examples else ""


def _is_line(text: str) -> bool:
    """Whether a text stays what it is where each line is stripped and empty ones are left out."""
    return text != "" and text == text.strip() and not has_line_ends(text)


def as_text(shape: Shape, value: Any) -> str:
    """A value of the data as the text of its input."""
    if shape.kind is Kind.LINES and isinstance(value, list):
        lines = [as_text(shape.item, item) for item in value] if shape.item else []
        if all(map(_is_line, lines)) and not "".join(lines[:1]).startswith("["):
            return "\n".join(lines)
    if shape.kind in (Kind.JSON, Kind.LINES):
        empty = value is None or (shape.name == EXTRAS and value == {})
        return "" if empty else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if value is None:
        return ""
    if shape.choices:
        return text_of(shape.choices, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return to_input(text) if shape.kind is Kind.DATETIME else text
