"""From what a browser posted to JSON, by the kinds of fields: pydantic alone says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import QueryDict

from workflows.engine.serialization.json_limits import InputRefused, parse_json
from workflows.web.forms.form_spec import EXTRAS, LOCAL_DATETIME, UNSET, FieldSpec, FormSpec, Widget
from workflows.web.forms.inputs.choices import value_for
from workflows.web.forms.inputs.datetimes import NoSuchTime, to_local, to_wire
from workflows.web.forms.inputs.json_numbers import keep_digits
from workflows.web.forms.inputs.texts import same_as_sent, unix_newlines
from workflows.web.forms.inputs.typed_numbers import AmbiguousNumber, read_number
from workflows.web.forms.json_schema import JSONSchema

MAX_JSON_BYTES = 1_000_000
MAX_JSON_DEPTH = 32

_BOOLEANS = {"true": True, "on": True, "false": False, "off": False}
_TEXTS = (Widget.TEXT, Widget.LONG_TEXT)
_LISTS = (Widget.CHECKBOXES, Widget.MULTISELECT)
_CHOICES = (Widget.RADIO, Widget.SELECT)


class PostReader:
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

    def whole(self, form_spec: FormSpec) -> Any:
        """The answer to all of `form_spec`: an object, or the one value of a reply that is none."""
        if not form_spec.is_model:
            value = self.value(form_spec.fields[0])
            return None if value is UNSET else value
        answer = self.extras(form_spec) if form_spec.takes_extras else {}
        named = (spec for spec in form_spec.fields if spec.name != EXTRAS)
        answer |= self.object(named)
        if form_spec.has_verdict and "approved" in self.data:
            answer["approved"] = _boolean(last(self.data, "approved"))
        return answer

    def extras(self, form_spec: FormSpec) -> dict[str, Any]:
        """Fields of any name, as text, over those written as a JSON object."""
        written: Any = UNSET
        for spec in form_spec.fields:
            if spec.name == EXTRAS:
                written = self.value(spec)
        if not isinstance(written, dict):
            if written is not UNSET:
                self.problems.setdefault(EXTRAS, "This must be a JSON object, {…}.")
            written = {}
        known = {spec.name.partition(".")[0] for spec in form_spec.fields}
        if form_spec.has_verdict:
            known.add("approved")
        own = {"csrfmiddlewaretoken"} | known
        posted = {
            name: unix_newlines(last(self.data, name))
            for name in self.data
            if name not in own and not name.startswith("_")
        }
        return {**written, **posted}

    def object(self, specs: Iterable[FieldSpec], *, skip_defaults: bool = False) -> dict[str, Any]:
        """The values of several properties; those of which nothing was said are left out."""
        values = {spec.key: self.value(spec, skip_defaults=skip_defaults) for spec in specs}
        return {key: value for key, value in values.items() if value is not UNSET}

    def value(self, spec: FieldSpec, *, skip_defaults: bool = False) -> Any:
        """One property, or `UNSET`.

        `skip_defaults` is inside an optional model, where defaults are not filled in beforehand:
        there an empty field leaves its default to pydantic.
        """
        if spec.widget is Widget.FIELDSET:
            return self.model(spec, skip_defaults=skip_defaults)
        if spec.widget in _LISTS:
            return self.chosen(spec)
        text = self.uploaded.get(spec.name, self.data.get(spec.name))
        if spec.widget is Widget.CHECKBOX:
            return _boolean(text) if text else False
        if text is None:
            return None if spec.nullable and spec.required else UNSET
        if text.strip() == "":
            return _empty_value(spec, text, skip_defaults=skip_defaults)
        return self.parsed(spec, text)

    def model(self, spec: FieldSpec, *, skip_defaults: bool) -> Any:
        value = self.object(spec.children, skip_defaults=skip_defaults or spec.nullable)
        if spec.nullable and all(_is_empty(part) for part in value.values()):
            return None
        return value

    def chosen(self, spec: FieldSpec) -> list[Any] | None:
        texts = [text for text in self.data.getlist(spec.name) if text]
        if not texts and spec.nullable:
            return None
        return [value_for(spec.choices, text) for text in texts]

    def parsed(self, spec: FieldSpec, text: str) -> Any:
        """The value of a text that says something."""
        if spec.name in self.uploaded and spec.widget in _TEXTS:
            return text  # a file's line ends are its own
        if spec.name in self.initial and same_as_sent(self.drawn[spec.name], text):
            return self.initial[spec.name]
        if spec.widget in _TEXTS:
            return unix_newlines(text)  # a browser sends CRLF, whatever was typed
        if spec.widget in _CHOICES:
            return value_for(spec.choices, text)
        return self.scalar(spec, text.strip())

    def scalar(self, spec: FieldSpec, text: str) -> Any:
        match spec.widget:
            case Widget.TRISTATE:
                return _boolean(text)
            case Widget.INTEGER | Widget.NUMBER | Widget.DECIMAL:
                return self.number(spec, text)
            case Widget.DATETIME:
                return self.moment(spec, text)
            case Widget.LINES:
                return self.lines(spec, text)
            case Widget.JSON:
                return self.json(spec, text)
        return text  # dates and times: pydantic reads them exactly

    def number(self, spec: FieldSpec, text: str) -> Any:
        """A number of the field's kind; a text that is none, for pydantic to refuse."""
        try:
            plain = read_number(text)
        except AmbiguousNumber as error:
            self.problems[spec.name] = str(error)
            return text
        if plain is None:
            if _is_not_finite(text):
                self.problems[spec.name] = "This is not a finite number."
            return text
        if spec.widget is Widget.INTEGER:
            return _integer(plain)
        if spec.widget is Widget.DECIMAL:
            return plain
        if math.isfinite(float(plain)):
            return float(plain)
        self.problems[spec.name] = "This number is too large."
        return text

    def lines(self, spec: FieldSpec, text: str) -> Any:
        """The items of a list, one on each line; a JSON list is taken as well."""
        if text.startswith("["):
            try:
                return self.read_json(spec, text)
            except InputRefused:
                pass  # a line that begins with a bracket
        assert spec.item
        lines = [line.strip() for line in unix_newlines(text).split("\n")]
        return [self.scalar(spec.item, line) for line in lines if line]

    def moment(self, spec: FieldSpec, text: str) -> str:
        if spec.node.get("format") == LOCAL_DATETIME:
            return to_local(text)
        try:
            return to_wire(text)
        except NoSuchTime as error:
            self.problems[spec.name] = f"{error}."
            return text

    def json(self, spec: FieldSpec, text: str) -> Any:
        try:
            return self.read_json(spec, text)
        except InputRefused as error:
            if not _takes_plain_text(spec, text):
                self.problems[spec.name] = str(error)
        return text

    def read_json(self, spec: FieldSpec, text: str) -> Any:
        """The JSON that `text` is. A decimal keeps its digits where the schema takes a Decimal."""
        value = parse_json(
            text, max_bytes=MAX_JSON_BYTES, max_depth=MAX_JSON_DEPTH, what="This text",
            digits=True,
        )  # fmt: skip
        schema = {**spec.node, "$defs": self.document.get("$defs", {})}
        return keep_digits(value, schema, what="This text")


def last(data: QueryDict, name: str) -> str:
    """The last of the values posted under `name`; empty if there is none."""
    return (data.getlist(name) or [""])[-1]


def _empty_value(spec: FieldSpec, text: str, *, skip_defaults: bool) -> Any:
    if spec.nullable:
        return None
    has_default = spec.default is not UNSET
    if spec.widget is Widget.JSON or (skip_defaults and has_default):
        return UNSET
    if spec.widget in _TEXTS:
        return unix_newlines(text)
    if spec.widget is Widget.LINES:
        return []
    # A default that was rubbed out is not silently put back: pydantic refuses the empty text.
    return "" if has_default else UNSET


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_empty(part) for part in value.values())
    return value is None or value is False or value in ("", [])


def _takes_plain_text(spec: FieldSpec, text: str) -> bool:
    """Whether a union holds plain text too (`int | str`), and this is not meant as JSON."""
    members = spec.node.get("anyOf", [])
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
