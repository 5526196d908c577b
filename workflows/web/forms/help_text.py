"""What stands beside the name of a property: its description and its bounds."""

from __future__ import annotations

from workflows.web.forms.form_spec import LOCAL_DATETIME, FieldSpec, Widget
from workflows.web.forms.inputs.datetimes import zone_words
from workflows.web.forms.json_schema import JSONSchema

_FORMATS = {
    "duration": "a duration such as PT15M or 1:30:00",
    "email": "an e-mail address",
    "uri": "a web address",
    "uuid": "a UUID",
}


def help_text(spec: FieldSpec) -> str:
    """One line: optional or not, the developer's description, then the bounds."""
    node = spec.node
    parts = ["optional"] if _is_optional(spec) else []
    if isinstance(node.get("description"), str) and spec.widget is not Widget.FIELDSET:
        parts.append(node["description"].strip())
    said = " ".join(parts).lower()  # a description may name a bound itself
    bounds = [_range(node), _steps(node), _length(node), _count(node)]
    parts.extend(bound for bound in bounds if bound and bound.lower() not in said)
    parts.extend(_form_of(spec))
    return " · ".join(parts)


def _is_optional(spec: FieldSpec) -> bool:
    return spec.nullable or (spec.widget is Widget.JSON and not spec.required)


def _form_of(spec: FieldSpec) -> list[str]:
    """How to write it, where the name of the type alone would leave one guessing."""
    described = "description" in spec.node
    if spec.widget is Widget.DATETIME:
        local = spec.node.get("format") == LOCAL_DATETIME
        return ["without a time zone" if local else zone_words()]
    if spec.widget is Widget.LINES:
        return ["one on each line"]
    if spec.widget is Widget.JSON:
        return [] if described and "JSON" in spec.node["description"] else ["as JSON"]
    if spec.widget is Widget.TEXT and not described:
        if "pattern" in spec.node:
            return [f"must match {spec.node['pattern']}"]
        return [_FORMATS[spec.node["format"]]] if spec.node.get("format") in _FORMATS else []
    return []


def _range(node: JSONSchema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    bounds = [
        ("at least", low),
        ("more than", above),
        ("at most", high),
        ("less than", below),
    ]
    return ", ".join(f"{words} {_number(n)}" for words, n in bounds if n is not None)


def _steps(node: JSONSchema) -> str:
    step = node.get("multipleOf")
    return f"in steps of {_number(step)}" if step is not None else ""


def _length(node: JSONSchema) -> str:
    return _between(node.get("minLength"), node.get("maxLength"), "character")


def _count(node: JSONSchema) -> str:
    return _between(node.get("minItems"), node.get("maxItems"), "item")


def _between(low: object, high: object, noun: str) -> str:
    low = None if low in (0, 1) and noun == "character" else low
    if low is not None and high is not None:
        return f"{low} to {_plural(high, noun)}"
    if high is not None:
        return f"up to {_plural(high, noun)}"
    return f"at least {_plural(low, noun)}" if low is not None else ""


def _plural(count: object, noun: str) -> str:
    shown = f"{count:,}" if isinstance(count, int) else str(count)
    return f"{shown} {noun}" if count == 1 else f"{shown} {noun}s"


def _number(value: object) -> str:
    """A bound as people write it: pydantic gives 640.0 for a Decimal of 640."""
    return str(value).removesuffix(".0")
