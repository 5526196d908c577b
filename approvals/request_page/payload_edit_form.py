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
from workflows.web.forms.inputs.texts import (
    has_line_ends,
    same_as_sent,
    unix_newlines,
    with_line_ends_of,
)
from workflows.web.forms.inputs.typed_numbers import AmbiguousNumber, read_number
from workflows.web.payload.node import humanised

PREFIX = "_edit."
_TYPED = {"decimal": "number"}
LONG = 80  # a longer text has a field of several lines


@dataclass(slots=True)
class EditField:
    """One key: its label, the value of its field, and its error."""

    key: str
    asked: Any
    shown: str
    kind: str  # text, long, number, choice, json
    error: str = ""

    @property
    def label(self) -> str:
        """The label of the key in the payload."""
        return humanised(self.key)

    @property
    def name(self) -> str:
        """The name of the field in the form."""
        return PREFIX + self.key


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one key."""

    key: str
    before: Any
    after: Any


class EditForm:
    """Renders the editable keys with their present values, and reads the posted values."""

    def __init__(self, request: InputRequest, data: QueryDict | None = None) -> None:
        payload = apply_edits(request.payload, request.edits)
        self._data = data if data is not None else QueryDict()
        self._types = request.editable_types
        self._current = payload if isinstance(payload, dict) else {}
        keys = [key for key in request.editable if key in self._current]
        self.fields = [self._field(key) for key in keys]

    @property
    def has_errors(self) -> bool:
        """True if a field could not be read, so that the request cannot be decided."""
        return any(field.error for field in self.fields)

    @property
    def changes(self) -> dict[str, Any]:
        """The posted values that differ from the present ones, as JSON if possible.

        Browsers change the line ends of texts. This does not count as a change.
        """
        found = {}
        for field in self.fields:
            before = self._current[field.key]
            if field.name not in self._data or same_as_sent(written(before), field.shown):
                continue
            try:
                found[field.key] = self._read(field.key, before, field.shown)
            except AmbiguousNumber as error:
                found[field.key], field.error = field.shown, str(error)
        return found

    def set_errors(self, errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add each error of `decide` to its field; return those of other fields."""
        by_key = {field.key: field for field in self.fields}
        others = []
        for error in errors:
            loc = tuple(error.get("loc", ()))
            if loc[:1] == ("edits",) and loc[1:2] and loc[1] in by_key:
                field = by_key[loc[1]]
                field.error = field.error or str(error["msg"])  # the reading error is more exact
            else:
                others.append(error)
        return others

    def _field(self, key: str) -> EditField:
        value = self._current[key]
        shown = self._data.get(PREFIX + key, written(value))
        kind = _kind(value) if key not in self._types else _TYPED.get(self._types[key], "text")
        return EditField(key, value, unix_newlines(shown), kind)

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
    if _kind(before) == "number":
        text = read_number(text) or text
    try:
        return read_json(text)
    except InputRefused:
        return text


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "choice"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "long" if len(value) > LONG or has_line_ends(value) else "text"
    return "json"
