"""Literal and Enum values, and how each travels through a form as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from workflows.web.forms.json_schema import JSONSchema


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that may be said. `text` is the option's value in the page, unique in its list."""

    text: str
    label: str
    value: Any


def choices_of(node: JSONSchema) -> tuple[Choice, ...]:
    """The choices of an `enum` or `const` node; none for any other node."""
    if "const" in node:
        return _choices([node["const"]])
    values = node.get("enum")
    return _choices(values) if isinstance(values, list) else ()


def _choices(values: list[Any]) -> tuple[Choice, ...]:
    # The empty option means "nothing said", and "1" is not 1: such texts are quoted.
    taken = {"", *(json.dumps(value) for value in values if not isinstance(value, str))}
    found = []
    for value in values:
        text = value if isinstance(value, str) else json.dumps(value)
        while isinstance(value, str) and text in taken:
            text = json.dumps(text)
        taken.add(text)
        found.append(Choice(text=text, label=_label(value), value=value))
    return tuple(found)


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if value == "":
        return "(empty)"
    return value if isinstance(value, str) else json.dumps(value)


def value_for(choices: tuple[Choice, ...], text: str) -> Any:
    """The value behind a posted `text`; a text that is no choice comes back as it is."""
    for choice in choices:
        if choice.text == text:
            return choice.value
    return text


def text_of(choices: tuple[Choice, ...], value: Any) -> str:
    """The option's text for a `value` of the data; empty if it is none of them."""
    for choice in choices:
        # True == 1 in Python, not in JSON.
        if choice.value == value and type(choice.value) is type(value):
            return choice.text
    return ""
