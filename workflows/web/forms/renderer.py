"""From specifications to fields: what was typed, else the initial value, else the default."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.dateparse import parse_date, parse_datetime, parse_time

from workflows.web.forms.field import Field, Option
from workflows.web.forms.form_spec import EXTRAS, UNSET, FieldSpec, Widget
from workflows.web.forms.help_text import help_text
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
from workflows.web.forms.post_reader import last

_UNSPECIFIED = "Unspecified"
_TRISTATE = (("true", "Yes"), ("false", "No"))
_CLOCKS = {
    Widget.DATE: ("date", parse_date),
    Widget.DATETIME: ("datetime-local", parse_datetime),
    Widget.TIME: ("time", parse_time),
}
_FILE_TYPES = {
    "text/csv": ".csv,text/csv",
    "text/plain": ".txt,.md,text/plain",
    "application/json": ".json,application/json",
}


class FieldRenderer:
    """Draws one form. `no_browser_validation` leaves out all that makes a browser refuse to send.

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
        no_browser_validation: bool,
    ) -> None:
        self.data = data
        self.uploaded = uploaded
        self.errors = errors
        self.prefix_id = prefix_id
        self.uploads = uploads
        self.no_browser_validation = no_browser_validation

    def field(self, spec: FieldSpec, initial: Any = UNSET, *, skip_defaults: bool = False) -> Field:
        """The field of `spec`; `skip_defaults` in an optional model: no default is filled in."""
        start = spec.default if initial is UNSET and not skip_defaults else initial
        drawn = Field(
            name=spec.name,
            label=spec.label,
            widget=spec.widget,
            required=spec.required and not spec.nullable,
            id=self.id_of(spec),
            help=help_text(spec),
            errors=list(self.errors.get(spec.name, [])),
        )
        if spec.widget is Widget.FIELDSET:
            drawn.children = self.children(spec, start, skip_defaults=skip_defaults)
        elif spec.widget is Widget.CHECKBOX:
            drawn.value = self.is_ticked(spec, start)
        elif spec.widget in (Widget.CHECKBOXES, Widget.MULTISELECT):
            drawn.choices = self.options(spec, self.chosen(spec, start), drawn.id)
        else:
            text = self.text(spec, start)
            drawn.value = text
            drawn.choices = self.options(spec, {text}, drawn.id)
        if self.uploads and spec.widget is Widget.LONG_TEXT:
            drawn.file_name = PREFIX + spec.name
            drawn.file_types = _FILE_TYPES.get(str(spec.node.get("contentMediaType")), "")
        drawn.attrs = self.attrs(spec, drawn, skip_defaults=skip_defaults)
        return drawn

    def id_of(self, spec: FieldSpec) -> str:
        return f"{self.prefix_id}id_{re.sub(r'[^A-Za-z0-9_]', '-', spec.name)}"

    def children(self, spec: FieldSpec, start: Any, *, skip_defaults: bool) -> list[Field]:
        values = start if isinstance(start, dict) else {}
        inner = skip_defaults or spec.nullable
        return [
            self.field(child, values.get(child.key, UNSET), skip_defaults=inner)
            for child in spec.children
        ]

    def is_ticked(self, spec: FieldSpec, start: Any) -> bool:
        if self.data is None:
            return start is True
        return last(self.data, spec.name).strip().lower() not in ("", "false", "off", "0")

    def chosen(self, spec: FieldSpec, start: Any) -> set[str]:
        if self.data is not None:
            return set(self.data.getlist(spec.name))
        values = start if isinstance(start, list | tuple | set) else []
        return {text_of(spec.choices, value) for value in values}

    def text(self, spec: FieldSpec, start: Any) -> str:
        if spec.node.get("format") == "password" or spec.node.get("writeOnly"):
            return ""
        if spec.name in self.uploaded:
            return self.uploaded[spec.name]
        if self.data is not None and spec.name in self.data:
            return unix_newlines(last(self.data, spec.name))
        return "" if start is UNSET else as_text(spec, start)

    def options(self, spec: FieldSpec, chosen: set[str], field_id: str) -> list[Option]:
        pairs = [(choice.text, choice.label) for choice in spec.choices]
        if spec.widget is Widget.TRISTATE:
            pairs = list(_TRISTATE)
        if spec.widget in (Widget.TRISTATE, Widget.SELECT) and ("" in chosen or spec.nullable):
            pairs.insert(0, ("", _UNSPECIFIED if spec.nullable else "Choose…"))
        return [
            Option(text, label, text in chosen, f"{field_id}-{n}")
            for n, (text, label) in enumerate(pairs)
        ]

    def attrs(self, spec: FieldSpec, drawn: Field, *, skip_defaults: bool) -> dict[str, str | None]:
        """Attributes of the input; numbers are text inputs, so that a wrong one can be shown."""
        attrs = _widget_attrs(spec, str(drawn.value))
        example = _placeholder(spec, skip_defaults=skip_defaults)
        if example and "rows" not in attrs and not drawn.choices:
            attrs["placeholder"] = example
        must = drawn.required and spec.widget not in (
            Widget.CHECKBOX,
            Widget.CHECKBOXES,
            Widget.FIELDSET,
        )
        if must and skip_defaults:
            return attrs
        if must and (self.no_browser_validation or drawn.file_name):
            attrs["aria-required"] = "true"
        elif must:
            attrs["required"] = None
        if not self.no_browser_validation and spec.widget is Widget.TEXT:
            attrs |= _text_bounds(spec)
        return attrs


def _widget_attrs(spec: FieldSpec, value: str) -> dict[str, str | None]:
    match spec.widget:
        case Widget.INTEGER:
            return {"type": "text", "inputmode": _number_keys(spec, "numeric")}
        case Widget.NUMBER | Widget.DECIMAL:
            return {"type": "text", "inputmode": _number_keys(spec, "decimal")}
        case Widget.DATE | Widget.DATETIME | Widget.TIME:
            return _clock_attrs(spec, value)
        case Widget.LONG_TEXT:
            return {"rows": str(rows(spec.key))}
        case Widget.LINES:
            return {"rows": str(min(max(value.count("\n") + 2, 3), 16)), "spellcheck": "false"}
        case Widget.JSON:
            lines = min(max(value.count("\n") + 1, 3), 16)
            return {"rows": str(lines), "spellcheck": "false", "autocapitalize": "off"}
        case Widget.MULTISELECT:
            return {"multiple": None, "size": str(min(len(spec.choices), 10))}
        case Widget.TEXT:
            keys = keyboard(spec.node)
            secret = spec.node.get("format") == "password"
            shown: dict[str, str | None] = {"type": "password" if secret else "text"}
            return shown | ({"inputmode": keys} if keys else {}) | {"autocomplete": "off"}
    return {}


def _number_keys(spec: FieldSpec, keys: str) -> str:
    """Some phones have no minus on their number pads: those only where nothing is below zero."""
    low = spec.node.get("minimum", spec.node.get("exclusiveMinimum"))
    return keys if low is not None and low >= 0 else "text"


def _clock_attrs(spec: FieldSpec, value: str) -> dict[str, str | None]:
    """A picker, unless what was typed is no date: a picker would drop it without a word."""
    picker, parse = _CLOCKS[spec.widget]
    if value and not _parses(parse, value):
        return {"type": "text"}
    has_seconds = spec.widget is not Widget.DATE and value.count(":") > 1
    return {"type": picker, "step": "1"} if has_seconds else {"type": picker}


def _parses(parse: Any, value: str) -> bool:
    try:
        found = parse(value)
    except ValueError:
        return False
    # The input takes local times only; one with an offset would be dropped.
    return found is not None and getattr(found, "tzinfo", None) is None


def _text_bounds(spec: FieldSpec) -> dict[str, str | None]:
    bounds = {
        "minlength": spec.node.get("minLength"),
        "maxlength": spec.node.get("maxLength"),
        "pattern": html_pattern(spec.node.get("pattern")),
    }
    return {name: str(bound) for name, bound in bounds.items() if bound}


def _placeholder(spec: FieldSpec, *, skip_defaults: bool) -> str:
    if skip_defaults and spec.default is not UNSET and spec.default is not None:
        return as_text(spec, spec.default)
    examples = spec.node.get("examples")
    return as_text(spec, examples[0]) if isinstance(examples, list) and examples else ""


def _is_line(text: str) -> bool:
    """Whether a text stays what it is where each line is stripped and empty ones are left out."""
    return text != "" and text == text.strip() and not has_line_ends(text)


def as_text(spec: FieldSpec, value: Any) -> str:
    """A value of the data as the text of its input."""
    if spec.widget is Widget.LINES and isinstance(value, list):
        lines = [as_text(spec.item, item) for item in value] if spec.item else []
        if all(map(_is_line, lines)) and not "".join(lines[:1]).startswith("["):
            return "\n".join(lines)
    if spec.widget in (Widget.JSON, Widget.LINES):
        empty = value is None or (spec.name == EXTRAS and value == {})
        return "" if empty else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if value is None:
        return ""
    if spec.choices:
        return text_of(spec.choices, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return to_input(text) if spec.widget is Widget.DATETIME else text
