"""From what a browser posted to JSON: by shape only, so that pydantic alone says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import QueryDict

from workflows.engine.serialization.json_limits import InputRefused, parse_json
from workflows.web.forms.inputs.choices import said
from workflows.web.forms.inputs.datetimes import NoSuchTime, to_local, to_wire
from workflows.web.forms.inputs.json_numbers import keep_digits
from workflows.web.forms.inputs.texts import same_as_sent, unix_newlines
from workflows.web.forms.inputs.typed_numbers import AmbiguousNumber, read_number
from workflows.web.forms.json_schema import JSONSchema
from workflows.web.forms.outline import EXTRAS, LOCAL_DATETIME, MISSING, Kind, Outline, Shape

MAX_JSON_BYTES = 1_000_000
MAX_JSON_DEPTH = 32

_BOOLEANS = {"true": True, "on": True, "false": False, "off": False}
_TEXTS = (Kind.TEXT, Kind.LONG_TEXT)
_LISTS = (Kind.CHECKBOXES, Kind.MULTISELECT)
_CHOICES = (Kind.RADIO, Kind.SELECT)


class Answer:
    """Reads one POST. `problems` collects, by field name, what pydantic could not see.

    That is: text that should have been JSON, a number with two readings, NaN, an hour that a clock
    skipped. `drawn` is the text that each field held before anybody typed, and `initial` the value
    it stood for: an unchanged field gives that value back, whatever a browser makes of
    its text.
    """

    def __init__(
        self,
        data: QueryDict,
        uploaded: dict[str, str],
        *,
        document: JSONSchema,
        drawn: Mapping[str, str],
        initial: Mapping[str, Any],
    ) -> None:
        self.data = data
        self.uploaded = uploaded
        self.document = document
        self.drawn = drawn
        self.initial = initial
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
            name: unix_newlines(last(self.data, name))
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
        if shape.name in self.uploaded and shape.kind in _TEXTS:
            return text  # a file's line ends are its own
        if shape.name in self.initial and same_as_sent(self.drawn[shape.name], text):
            return self.initial[shape.name]
        if shape.kind in _TEXTS:
            return unix_newlines(text)  # a browser sends CRLF, whatever was typed
        if shape.kind in _CHOICES:
            return said(shape.choices, text)
        return self.scalar(shape, text.strip())

    def scalar(self, shape: Shape, text: str) -> Any:
        match shape.kind:
            case Kind.TRISTATE:
                return _boolean(text)
            case Kind.INTEGER | Kind.NUMBER | Kind.DECIMAL:
                return self.number(shape, text)
            case Kind.DATETIME:
                return self.moment(shape, text)
            case Kind.LINES:
                return self.lines(shape, text)
            case Kind.JSON:
                return self.json(shape, text)
        return text  # dates and times: pydantic reads them exactly

    def number(self, shape: Shape, text: str) -> Any:
        """A number of the shape's kind; a text that is none, for pydantic to refuse."""
        try:
            plain = read_number(text)
        except AmbiguousNumber as error:
            self.problems[shape.name] = str(error)
            return text
        if plain is None:
            if _is_not_finite(text):
                self.problems[shape.name] = "This is not a finite number."
            return text
        if shape.kind is Kind.INTEGER:
            return _integer(plain)
        if shape.kind is Kind.DECIMAL:
            return plain
        if math.isfinite(float(plain)):
            return float(plain)
        self.problems[shape.name] = "This number is too large."
        return text

    def lines(self, shape: Shape, text: str) -> Any:
        """The items of a list, one on each line; a JSON list is taken as well."""
        if text.startswith("["):
            try:
                return self.read_json(shape, text)
            except InputRefused:
                pass  # a line that begins with a bracket
        assert shape.item
        lines = [line.strip() for line in unix_newlines(text).split("\n")]
        return [self.scalar(shape.item, line) for line in lines if line]

    def moment(self, shape: Shape, text: str) -> str:
        if shape.node.get("format") == LOCAL_DATETIME:
            return to_local(text)
        try:
            return to_wire(text)
        except NoSuchTime as error:
            self.problems[shape.name] = f"{error}."
            return text

    def json(self, shape: Shape, text: str) -> Any:
        try:
            return self.read_json(shape, text)
        except InputRefused as error:
            if not _takes_bare_text(shape, text):
                self.problems[shape.name] = str(error)
        return text

    def read_json(self, shape: Shape, text: str) -> Any:
        """The JSON that `text` is. A decimal keeps its digits where the schema takes a Decimal."""
        value = parse_json(
            text, max_bytes=MAX_JSON_BYTES, max_depth=MAX_JSON_DEPTH, what="This text",
            digits=True,
        )  # fmt: skip
        schema = {**shape.node, "$defs": self.document.get("$defs", {})}
        return keep_digits(value, schema, what="This text")


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
        return unix_newlines(text)
    if shape.kind is Kind.LINES:
        return []
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


def _integer(plain: str) -> int | str:
    """The whole number that a plain one is: `12.0` is 12. Another comes back as it is."""
    whole, _, rest = plain.partition(".")
    if rest.strip("0"):
        return plain
    try:
        return int(whole)
    except ValueError:  # more digits than Python reads, or an exponent
        return plain


def _is_not_finite(text: str) -> bool:
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False
