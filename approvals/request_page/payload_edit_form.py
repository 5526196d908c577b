"""The form of the payload fields that may be changed before the approval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import QueryDict

from workflows.engine.requests.payload_edits import apply_edits, json_equal
from workflows.engine.serialization.json_limits import InputRefused, parse_json
from workflows.models import InputRequest
from workflows.text.invisible_characters import show_invisibles
from workflows.web.forms import Field, Form
from workflows.web.forms.field import Option
from workflows.web.forms.form_spec import Widget
from workflows.web.forms.inputs.texts import (
    has_line_ends,
    same_as_sent,
    unix_newlines,
    with_line_ends_of,
)
from workflows.web.forms.inputs.typed_numbers import AmbiguousNumber, read_number
from workflows.web.payload.node import humanised

PREFIX = "_edit."
LONG_FROM = 80  # a longer text has a field of several lines
_LINE: dict[str, str | None] = {"autocomplete": "off"}
_ATTRS: dict[Widget, dict[str, str | None]] = {
    Widget.TEXT: _LINE,
    Widget.NUMBER: _LINE | {"inputmode": "decimal"},
    Widget.DECIMAL: _LINE | {"inputmode": "decimal"},
    Widget.LONG_TEXT: {"rows": "4"},
    Widget.JSON: {"rows": "4"},
}


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one key."""

    key: str
    before: Any
    after: Any


class EditForm(Form):
    """Renders the editable keys with their present values, and reads the posted values."""

    def __init__(self, request: InputRequest, data: QueryDict | None = None) -> None:
        super().__init__()
        payload = apply_edits(request.payload, request.edits)
        self._data = data if data is not None else QueryDict()
        self._types = request.editable_types
        self._current = payload if isinstance(payload, dict) else {}
        self._keys = [key for key in request.editable if key in self._current]
        self._field_errors: dict[str, str] = {}

    @property
    def fields(self) -> list[Field]:
        """A field for each key, with the posted or else the present value."""
        return [self._field(key, number) for number, key in enumerate(self._keys, start=1)]

    @property
    def changes(self) -> dict[str, Any]:
        """The posted values that differ from the present ones, as JSON if possible.

        Browsers change the line ends of texts. This does not count as a change.
        """
        found = {}
        for key in self._keys:
            before, text = self._current[key], self._text(key)
            if PREFIX + key not in self._data or same_as_sent(written(before), text):
                continue
            try:
                found[key] = self._read(key, before, text)
            except AmbiguousNumber as error:
                found[key], self._field_errors[key] = text, str(error)
        return found

    def set_errors(self, errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add each error of `decide` to its field; return those of other fields."""
        others = []
        for error in errors:
            loc = tuple(error.get("loc", ()))
            if loc[:1] == ("edits",) and loc[1:2] and loc[1] in self._keys:
                # The reading error is more exact.
                self._field_errors.setdefault(loc[1], str(error["msg"]))
            else:
                others.append(error)
        return others

    def _text(self, key: str) -> str:
        return unix_newlines(self._data.get(PREFIX + key, written(self._current[key])))

    def _widget(self, key: str) -> Widget:
        if key in self._types:
            return Widget.DECIMAL if self._types[key] == "decimal" else Widget.TEXT
        return _widget(self._current[key])

    def _field(self, key: str, number: int) -> Field:
        widget, text, id_ = self._widget(key), self._text(key), f"edit-{number}"
        return Field(
            name=PREFIX + key,
            label=show_invisibles(humanised(key)),
            widget=widget,
            required=False,
            id=id_,
            attrs=dict(_ATTRS.get(widget, {})),
            choices=_yes_or_no(text, id_) if widget is Widget.SELECT else [],
            value=text,
            errors=[self._field_errors[key]] if key in self._field_errors else [],
        )

    def _read(self, key: str, before: Any, text: str) -> Any:
        if self._types.get(key) == "decimal":
            return read_number(text) or text.strip()
        return text.strip() if key in self._types else _read(before, text)


def changed(request: InputRequest, edits: Mapping[str, Any]) -> list[Change]:
    """Return the changes of the payload by these edits, for each key."""
    payload = request.payload if isinstance(request.payload, dict) else {}
    pairs = [(key, payload.get(key), value) for key, value in edits.items()]
    return [Change(*pair) for pair in pairs if not json_equal(pair[1], pair[2])]


def written(value: Any) -> str:
    """Return the text of a value for its field."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def read_json(text: str) -> Any:
    """Read `text` as JSON; raise `InputRefused`."""
    return parse_json(
        text, what="The value", max_bytes=settings.ANSWER_MAX_BYTES,
        max_depth=settings.JSON_MAX_DEPTH,
    )  # fmt: skip


def _read(before: Any, text: str) -> Any:
    """Return the posted value. A value of another kind is refused later.

    Raise `AmbiguousNumber` for a number with two meanings.
    """
    if isinstance(before, str):
        return with_line_ends_of(before, text)
    if _widget(before) is Widget.NUMBER:
        text = read_number(text) or text
    try:
        return read_json(text)
    except InputRefused:
        return text


def _yes_or_no(chosen: str, field_id: str) -> list[Option]:
    return [
        Option("true", "Yes", chosen == "true", f"{field_id}-0"),
        Option("false", "No", chosen == "false", f"{field_id}-1"),
    ]


def _widget(value: Any) -> Widget:
    if isinstance(value, bool):
        return Widget.SELECT
    if isinstance(value, int | float):
        return Widget.NUMBER
    if isinstance(value, str):
        return Widget.LONG_TEXT if len(value) > LONG_FROM or has_line_ends(value) else Widget.TEXT
    return Widget.JSON
