"""From what a browser posted to JSON: by shape only, so that pydantic alone says what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from django.http import QueryDict

from workflows.forms.choices import said
from workflows.forms.moment import NoSuchTime, to_wire
from workflows.forms.shape import EXTRAS, MISSING, Kind, Outline, Shape
from workflows.limits import InputRefused, parse_json

MAX_JSON_BYTES = 1_000_000
MAX_JSON_DEPTH = 32

_INTEGER = re.compile(r"[+-]?[0-9]+")
_BOOLEANS = {"true": True, "on": True, "false": False, "off": False}
_TEXTS = (Kind.TEXT, Kind.LONG_TEXT)
_LISTS = (Kind.CHECKBOXES, Kind.MULTISELECT)
_CHOICES = (Kind.RADIO, Kind.SELECT)


class Answer:
    """Reads one POST. `problems` collects, by field name, what pydantic could not see.

    That is: text that should have been JSON, NaN for a number, an hour that a clock skipped.
    """

    def __init__(self, data: QueryDict, uploaded: dict[str, str]) -> None:
        self.data = data
        self.uploaded = uploaded
        self.problems: dict[str, str] = {}

    def whole(self, outline: Outline) -> Any:
        """The answer to all of `outline`: an object, or the one value of a reply that is none."""
        if not outline.is_model:
            value = self.value(outline.shapes[0])
            return None if value is MISSING else value
        answer = self.extras(outline) if outline.takes_extras else {}
        named = (shape for shape in outline.shapes if shape.name != EXTRAS)
        answer |= self.object(named)
        if outline.has_verdict and "approved" in self.data:
            answer["approved"] = _boolean(last(self.data, "approved"))
        return answer

    def extras(self, outline: Outline) -> dict[str, Any]:
        """Fields of any name, as text, over those written as a JSON object."""
        written: Any = MISSING
        for shape in outline.shapes:
            if shape.name == EXTRAS:
                written = self.value(shape)
        if not isinstance(written, dict):
            if written is not MISSING:
                self.problems.setdefault(EXTRAS, "This must be a JSON object, {…}.")
            written = {}
        known = {shape.name.partition(".")[0] for shape in outline.shapes}
        if outline.has_verdict:
            known.add("approved")
        own = {"csrfmiddlewaretoken"} | known
        posted = {
            name: _plain(last(self.data, name))
            for name in self.data
            if name not in own and not name.startswith("_")
        }
        return {**written, **posted}

    def object(self, shapes: Iterable[Shape], *, quiet: bool = False) -> dict[str, Any]:
        """The values of several properties; those of which nothing was said are left out."""
        values = {shape.key: self.value(shape, quiet=quiet) for shape in shapes}
        return {key: value for key, value in values.items() if value is not MISSING}

    def value(self, shape: Shape, *, quiet: bool = False) -> Any:
        """One property, or `MISSING`.

        `quiet` is inside an optional model, where defaults are not filled in beforehand: there an
        empty field leaves its default to pydantic.
        """
        if shape.kind is Kind.FIELDSET:
            return self.model(shape, quiet=quiet)
        if shape.kind in _LISTS:
            return self.chosen(shape)
        text = self.uploaded.get(shape.name, self.data.get(shape.name))
        if shape.kind is Kind.CHECKBOX:
            return _boolean(text) if text else False
        if text is None:
            return None if shape.nullable and shape.required else MISSING
        if text.strip() == "":
            return _nothing_said(shape, text, quiet=quiet)
        return self.parsed(shape, text)

    def model(self, shape: Shape, *, quiet: bool) -> Any:
        value = self.object(shape.children, quiet=quiet or shape.nullable)
        if shape.nullable and all(_is_silent(part) for part in value.values()):
            return None
        return value

    def chosen(self, shape: Shape) -> list[Any] | None:
        texts = [text for text in self.data.getlist(shape.name) if text]
        if not texts and shape.nullable:
            return None
        return [said(shape.choices, text) for text in texts]

    def parsed(self, shape: Shape, text: str) -> Any:
        """The value of a text that says something."""
        if shape.kind in _TEXTS:
            # A browser sends line ends as CRLF, whatever was typed; a file's are its own.
            return text if shape.name in self.uploaded else _plain(text)
        if shape.kind in _CHOICES:
            return said(shape.choices, text)
        stripped = text.strip()
        match shape.kind:
            case Kind.TRISTATE:
                return _boolean(stripped)
            case Kind.INTEGER:
                return _integer(stripped)
            case Kind.NUMBER:
                return self.number(shape, stripped)
            case Kind.DATETIME:
                return self.moment(shape, stripped)
            case Kind.JSON:
                return self.json(shape, stripped)
        return stripped  # dates, times and decimals: pydantic reads them exactly

    def number(self, shape: Shape, text: str) -> float | str:
        try:
            number = float(text)
        except ValueError:
            return text
        if math.isfinite(number) and text.isascii() and "_" not in text:
            return number
        self.problems[shape.name] = "This is not a finite number."
        return text

    def moment(self, shape: Shape, text: str) -> str:
        try:
            return to_wire(text)
        except NoSuchTime as error:
            self.problems[shape.name] = f"{error}."
            return text

    def json(self, shape: Shape, text: str) -> Any:
        try:
            return parse_json(
                text, max_bytes=MAX_JSON_BYTES, max_depth=MAX_JSON_DEPTH, what="This text"
            )
        except InputRefused as error:
            if not _takes_bare_text(shape, text):
                self.problems[shape.name] = str(error)
            return text


def last(data: QueryDict, name: str) -> str:
    """The last of the values posted under `name`; empty if there is none."""
    return (data.getlist(name) or [""])[-1]


def _nothing_said(shape: Shape, text: str, *, quiet: bool) -> Any:
    if shape.nullable:
        return None
    has_default = shape.default is not MISSING
    if shape.kind is Kind.JSON or (quiet and has_default):
        return MISSING
    if shape.kind in _TEXTS:
        return _plain(text)
    # A default that was rubbed out is not silently put back: pydantic refuses the empty text.
    return "" if has_default else MISSING


def _is_silent(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_silent(part) for part in value.values())
    return value is None or value is False or value in ("", [])


def _takes_bare_text(shape: Shape, text: str) -> bool:
    """Whether a union holds plain text too (`int | str`), and this is not meant as JSON."""
    members = shape.node.get("anyOf", [])
    return text[0] not in '[{"' and any(member.get("type") == "string" for member in members)


def _boolean(text: str) -> bool | str:
    return _BOOLEANS.get(text.strip().lower(), text)


def _integer(text: str) -> int | str:
    if not _INTEGER.fullmatch(text):
        return text
    try:
        return int(text)
    except ValueError:  # more digits than Python reads
        return text


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")
