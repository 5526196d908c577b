"""The specification of a form: what is asked, under which names, before anything is typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from workflows.web.forms.inputs.choices import Choice, choices_of
from workflows.web.forms.inputs.texts import is_long
from workflows.web.forms.json_schema import JSONSchema, SchemaNodes

MAX_NESTING = 4
"""Fieldsets in fieldsets; deeper models are asked for as JSON text."""

ROOT = "response"
"""The name of the one field of a reply that is no model (`response: int`)."""

LOCAL_DATETIME = "date-time-local"
"""The format of a date and time that has no zone (OpenAPI's name for it)."""

EXTRAS = "_json"
"""The control field for an object of any fields, such as a bare start event's."""


class Unset:
    """The type of `UNSET`: a property without a default, which null would not say."""


UNSET: Final = Unset()


class Widget(StrEnum):
    """How one property is drawn and read back; templates branch on it."""

    TEXT = "text"
    LONG_TEXT = "textarea"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    CHECKBOX = "checkbox"
    TRISTATE = "tristate"
    RADIO = "radio"
    SELECT = "select"
    CHECKBOXES = "checkboxes"
    MULTISELECT = "multiselect"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    LINES = "lines"
    JSON = "json"
    FIELDSET = "fieldset"


_ONE_LINE = (
    Widget.TEXT, Widget.LONG_TEXT, Widget.INTEGER, Widget.NUMBER, Widget.DECIMAL,
    Widget.DATE, Widget.DATETIME, Widget.TIME,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One property. `name` is the whole path (`a.b`), `key` its last part.

    `item` is what stands on each line of a list that is typed so.
    """

    name: str
    key: str
    label: str
    widget: Widget
    required: bool
    nullable: bool
    node: JSONSchema
    default: Any = UNSET
    choices: tuple[Choice, ...] = ()
    children: tuple[FieldSpec, ...] = ()
    item: FieldSpec | None = None


@dataclass(frozen=True, slots=True)
class FormSpec:
    """All that a schema asks for.

    `is_model`: the answer is an object, otherwise the value of the only field. `has_verdict`: a
    required bool `approved` is left out of `fields` and drawn as two buttons. `takes_extras`:
    fields of any name may be posted too.
    """

    fields: tuple[FieldSpec, ...]
    is_model: bool = True
    has_verdict: bool = False
    takes_extras: bool = False
    document: JSONSchema = field(default_factory=dict)


def form_spec(schema: JSONSchema, *, uploads: bool = False) -> FormSpec:
    """What `schema` asks for, pydantic's for validation; with `uploads` free text is long."""
    return _SpecBuilder(schema, uploads=uploads).build()


@dataclass(frozen=True, slots=True)
class _Property:
    """Where a node stands: its path, whether it is required, and what it is already inside."""

    name: str
    key: str
    required: bool
    inside: frozenset[str] = field(default_factory=frozenset)
    depth: int = 0


class _SpecBuilder:
    def __init__(self, schema: JSONSchema, *, uploads: bool) -> None:
        self.schema = schema
        self.nodes = SchemaNodes(schema)
        self.uploads = uploads

    def build(self) -> FormSpec:
        root = self.nodes.flat(self.schema)
        if not _is_model(root):
            at = _Property(ROOT, ROOT, required=True)
            return FormSpec(
                (self.field_spec(self.schema, at),), is_model=False, document=self.schema
            )
        extras = root.get("additionalProperties") is True
        if not _has_plain_names(root):
            return FormSpec((_extras_field(required=True),), takes_extras=True)
        inside = frozenset(self.nodes.refs(self.schema))
        specs = self.properties(root, "", inside, 0)
        verdict = any(_is_verdict(spec) for spec in specs)
        specs = [spec for spec in specs if not (verdict and _is_verdict(spec))]
        if extras:
            specs.append(_extras_field(required=False, alone=not specs))
        return FormSpec(tuple(specs), True, verdict, extras, self.schema)

    def properties(
        self, model: JSONSchema, prefix: str, inside: frozenset[str], depth: int
    ) -> list[FieldSpec]:
        required = set(model.get("required", []))
        return [
            self.field_spec(node, _Property(prefix + key, key, key in required, inside, depth))
            for key, node in model.get("properties", {}).items()
        ]

    def field_spec(self, raw: JSONSchema, at: _Property) -> FieldSpec:
        node, nullable = self.nodes.without_null(raw)
        choices = self.choices(node)
        children: tuple[FieldSpec, ...] = ()
        item = None if choices else self.item(node, at)
        widget = self.widget(node, at, nullable=nullable, choices=choices)
        if item is not None and widget is Widget.JSON:
            widget = Widget.LINES
        refs = frozenset(self.nodes.refs(raw))
        if widget is Widget.FIELDSET:
            if refs & at.inside or at.depth >= MAX_NESTING:
                widget = Widget.JSON
            else:
                inside = at.inside | refs
                found = self.properties(node, f"{at.name}.", inside, at.depth + 1)
                children = tuple(found)
        return FieldSpec(
            name=at.name,
            key=at.key,
            label=_label(node, at.key),
            widget=widget,
            required=at.required,
            nullable=nullable,
            node=node,
            default=node.get("default", UNSET),
            choices=choices,
            children=children,
            item=item,
        )

    def item(self, node: JSONSchema, at: _Property) -> FieldSpec | None:
        """The item of a list whose items are typed one on each line: texts, numbers, dates."""
        items = node.get("items")
        if node.get("type") != "array" or not isinstance(items, dict) or "prefixItems" in node:
            return None
        if at.depth > MAX_NESTING or self.nodes.without_null(items)[0].get("type") == "array":
            return None
        found = self.field_spec(items, _Property(at.name, at.key, True, at.inside, at.depth))
        return found if found.widget in _ONE_LINE and not found.nullable else None

    def choices(self, node: JSONSchema) -> tuple[Choice, ...]:
        if node.get("type") == "array" and isinstance(node.get("items"), dict):
            items, nullable = self.nodes.without_null(node["items"])
            return () if nullable else choices_of(items)
        return choices_of(node)

    def widget(
        self, node: JSONSchema, at: _Property, *, nullable: bool, choices: tuple[Choice, ...]
    ) -> Widget:
        if node.get("type") == "array":
            return _list_widget(choices)
        if choices:
            return _choice_widget(choices, plain=at.required and not nullable)
        match node.get("type"):
            case "boolean":
                return Widget.TRISTATE if nullable else Widget.CHECKBOX
            case "string":
                return self.text_widget(node, at.key)
            case "integer" | "number" | "decimal" as number:
                return Widget(number)
            case "object" if _is_model(node) and node.get("properties"):
                closed = node.get("additionalProperties") is not True
                return Widget.FIELDSET if closed and _has_plain_names(node) else Widget.JSON
        return Widget.JSON

    def text_widget(self, node: JSONSchema, key: str) -> Widget:
        match node.get("format"):
            case "date":
                return Widget.DATE
            case "date-time" | "date-time-local":
                return Widget.DATETIME
            case "time":
                return Widget.TIME
        return Widget.LONG_TEXT if is_long(node, key, uploads=self.uploads) else Widget.TEXT


def _is_model(node: JSONSchema) -> bool:
    """An object of named properties; a dict (`additionalProperties` with a schema) is none."""
    if node.get("type") != "object" or isinstance(node.get("additionalProperties"), dict):
        return False
    return "properties" in node or node.get("additionalProperties") is not True or "title" in node


def _has_plain_names(model: JSONSchema) -> bool:
    """Whether each name can be a field's: dots are for nesting, underscores for ourselves."""
    names: Iterable[str] = model.get("properties", {})
    return not any(
        name == "" or "." in name or name.startswith("_") or name == "csrfmiddlewaretoken"
        for name in names
    )


def _is_verdict(spec: FieldSpec) -> bool:
    plain = spec.required and not spec.nullable
    return spec.name == "approved" and plain and spec.widget is Widget.CHECKBOX


def _extras_field(*, required: bool, alone: bool = True) -> FieldSpec:
    help_text = "A JSON object. Leave it empty for none." if not required else "A JSON object."
    return FieldSpec(
        name=EXTRAS,
        key=EXTRAS,
        label="Fields" if alone else "Other fields",
        widget=Widget.JSON,
        required=required,
        nullable=False,
        node={"description": help_text, "type": "object"},
    )


def _list_widget(choices: tuple[Choice, ...]) -> Widget:
    if not choices:
        return Widget.JSON
    return Widget.CHECKBOXES if len(choices) <= 12 else Widget.MULTISELECT


def _choice_widget(choices: tuple[Choice, ...], *, plain: bool) -> Widget:
    """Few short choices that must be made are shown open; a radio cannot be taken back."""
    short = len(choices) <= 4 and all(len(choice.label) <= 28 for choice in choices)
    return Widget.RADIO if plain and short and len(choices) > 1 else Widget.SELECT


def _label(node: JSONSchema, key: str) -> str:
    """The property's title. Pydantic's own ("Claim Id") is spelt as a sentence ("Claim id")."""
    title = node.get("title")
    generated = key.replace("_", " ").title()
    if isinstance(title, str) and title not in ("", generated) and "properties" not in node:
        return title
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
