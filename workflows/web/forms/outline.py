"""The outline of a form: what is asked, under which names, before anyone has typed anything."""

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


class Missing:
    """The type of `MISSING`: a property without a default, which null would not say."""


MISSING: Final = Missing()


class Kind(StrEnum):
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


_LINE_KINDS = frozenset(
    {Kind.TEXT, Kind.LONG_TEXT, Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL, Kind.DATE, Kind.DATETIME}
    | {Kind.TIME}
)


@dataclass(frozen=True, slots=True)
class Shape:
    """One property. `name` is the whole path (`a.b`), `key` its last part.

    `item` is what stands on each line of a list that is typed so.
    """

    name: str
    key: str
    label: str
    kind: Kind
    required: bool
    nullable: bool
    node: JSONSchema
    default: Any = MISSING
    choices: tuple[Choice, ...] = ()
    children: tuple[Shape, ...] = ()
    item: Shape | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """All that a schema asks for.

    `is_model`: the answer is an object, otherwise the value of the only shape. `has_verdict`: a
    required bool `approved` is left out of `shapes` and drawn as two buttons. `takes_extras`:
    fields of any name may be posted too.
    """

    shapes: tuple[Shape, ...]
    is_model: bool = True
    has_verdict: bool = False
    takes_extras: bool = False
    document: JSONSchema = field(default_factory=dict)


def outline(schema: JSONSchema, *, uploads: bool = False) -> Outline:
    """The outline of `schema`, pydantic's for validation; with `uploads` free text is long."""
    return _Outliner(schema, uploads=uploads).outline()


@dataclass(frozen=True, slots=True)
class _Property:
    """Where a node stands: its path, whether it must be said, and what it is already inside."""

    name: str
    key: str
    required: bool
    inside: frozenset[str] = field(default_factory=frozenset)
    depth: int = 0


class _Outliner:
    def __init__(self, schema: JSONSchema, *, uploads: bool) -> None:
        self.schema = schema
        self.nodes = SchemaNodes(schema)
        self.uploads = uploads

    def outline(self) -> Outline:
        root = self.nodes.flat(self.schema)
        if not _is_model(root):
            place = _Property(ROOT, ROOT, required=True)
            return Outline((self.shape(self.schema, place),), is_model=False, document=self.schema)
        extras = root.get("additionalProperties") is True
        if not _has_plain_names(root):
            return Outline((_extras_shape(required=True),), takes_extras=True)
        inside = frozenset(self.nodes.refs(self.schema))
        shapes = self.properties(root, "", inside, 0)
        verdict = any(_is_verdict(shape) for shape in shapes)
        shapes = [shape for shape in shapes if not (verdict and _is_verdict(shape))]
        if extras:
            shapes.append(_extras_shape(required=False, alone=not shapes))
        return Outline(tuple(shapes), True, verdict, extras, self.schema)

    def properties(
        self, model: JSONSchema, prefix: str, inside: frozenset[str], depth: int
    ) -> list[Shape]:
        required = set(model.get("required", []))
        return [
            self.shape(node, _Property(prefix + key, key, key in required, inside, depth))
            for key, node in model.get("properties", {}).items()
        ]

    def shape(self, raw: JSONSchema, place: _Property) -> Shape:
        node, nullable = self.nodes.without_null(raw)
        choices = self.choices(node)
        children: tuple[Shape, ...] = ()
        item = None if choices else self.item(node, place)
        kind = self.kind(node, place, nullable=nullable, choices=choices)
        if item is not None and kind is Kind.JSON:
            kind = Kind.LINES
        refs = frozenset(self.nodes.refs(raw))
        if kind is Kind.FIELDSET:
            if refs & place.inside or place.depth >= MAX_NESTING:
                kind = Kind.JSON
            else:
                inside = place.inside | refs
                found = self.properties(node, f"{place.name}.", inside, place.depth + 1)
                children = tuple(found)
        return Shape(
            name=place.name,
            key=place.key,
            label=_label(node, place.key),
            kind=kind,
            required=place.required,
            nullable=nullable,
            node=node,
            default=node.get("default", MISSING),
            choices=choices,
            children=children,
            item=item,
        )

    def item(self, node: JSONSchema, place: _Property) -> Shape | None:
        """The item of a list whose items are typed one on each line: texts, numbers, dates."""
        items = node.get("items")
        if node.get("type") != "array" or not isinstance(items, dict) or "prefixItems" in node:
            return None
        if place.depth > MAX_NESTING or self.nodes.without_null(items)[0].get("type") == "array":
            return None
        found = self.shape(items, _Property(place.name, place.key, True, place.inside, place.depth))
        return found if found.kind in _LINE_KINDS and not found.nullable else None

    def choices(self, node: JSONSchema) -> tuple[Choice, ...]:
        if node.get("type") == "array" and isinstance(node.get("items"), dict):
            items, nullable = self.nodes.without_null(node["items"])
            return () if nullable else choices_of(items)
        return choices_of(node)

    def kind(
        self, node: JSONSchema, place: _Property, *, nullable: bool, choices: tuple[Choice, ...]
    ) -> Kind:
        if node.get("type") == "array":
            return _list_kind(choices)
        if choices:
            return _choice_kind(choices, plain=place.required and not nullable)
        match node.get("type"):
            case "boolean":
                return Kind.TRISTATE if nullable else Kind.CHECKBOX
            case "string":
                return self.text_kind(node, place.key)
            case "integer" | "number" | "decimal" as number:
                return Kind(number)
            case "object" if _is_model(node) and node.get("properties"):
                closed = node.get("additionalProperties") is not True
                return Kind.FIELDSET if closed and _has_plain_names(node) else Kind.JSON
        return Kind.JSON

    def text_kind(self, node: JSONSchema, key: str) -> Kind:
        match node.get("format"):
            case "date":
                return Kind.DATE
            case "date-time" | "date-time-local":
                return Kind.DATETIME
            case "time":
                return Kind.TIME
        return Kind.LONG_TEXT if is_long(node, key, uploads=self.uploads) else Kind.TEXT


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


def _is_verdict(shape: Shape) -> bool:
    plain = shape.required and not shape.nullable
    return shape.name == "approved" and plain and shape.kind is Kind.CHECKBOX


def _extras_shape(*, required: bool, alone: bool = True) -> Shape:
    help_text = "A JSON object. Leave it empty for none." if not required else "A JSON object."
    return Shape(
        name=EXTRAS,
        key=EXTRAS,
        label="Fields" if alone else "Other fields",
        kind=Kind.JSON,
        required=required,
        nullable=False,
        node={"description": help_text, "type": "object"},
    )


def _list_kind(choices: tuple[Choice, ...]) -> Kind:
    if not choices:
        return Kind.JSON
    return Kind.CHECKBOXES if len(choices) <= 12 else Kind.MULTISELECT


def _choice_kind(choices: tuple[Choice, ...], *, plain: bool) -> Kind:
    """Few short choices that must be made are shown open; a radio cannot be taken back."""
    short = len(choices) <= 4 and all(len(choice.label) <= 28 for choice in choices)
    return Kind.RADIO if plain and short and len(choices) > 1 else Kind.SELECT


def _label(node: JSONSchema, key: str) -> str:
    """The property's title. Pydantic's own ("Claim Id") is spelt as a sentence ("Claim id")."""
    title = node.get("title")
    generated = key.replace("_", " ").title()
    if isinstance(title, str) and title not in ("", generated) and "properties" not in node:
        return title
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
