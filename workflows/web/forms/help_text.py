"""What stands beside the name of a property: its description and its bounds."""

from __future__ import annotations

from workflows.web.forms.inputs.datetimes import zone_words
from workflows.web.forms.json_schema import JSONSchema
from workflows.web.forms.outline import LOCAL_DATETIME, Kind, Shape

_FORMATS = {
    "duration": "a duration such as PT15M or 1:30:00",
    "email": "an e-mail address",
    "uri": "a web address",
    "uuid": "a UUID",
}


def hint(shape: Shape) -> str:
    """One line: optional or not, the developer's description, then the bounds."""
    node = shape.node
    parts = ["optional"] if _is_optional(shape) else []
    if isinstance(node.get("description"), str) and shape.kind is not Kind.FIELDSET:
        parts.append(node["description"].strip())
    said = " ".join(parts).lower()  # a description may name a bound itself
    bounds = [_range(node), _steps(node), _length(node), _count(node)]
    parts.extend(bound for bound in bounds if bound and bound.lower() not in said)
    parts.extend(_form_of(shape))
    return " · ".join(parts)


def _is_optional(shape: Shape) -> bool:
    return shape.nullable or (shape.kind is Kind.JSON and not shape.required)


def _form_of(shape: Shape) -> list[str]:
    """How to write it, where the name of the type alone would leave one guessing."""
    described = "description" in shape.node
    if shape.kind is Kind.DATETIME:
        local = shape.node.get("format") == LOCAL_DATETIME
        return ["without a time zone" if local else zone_words()]
    if shape.kind is Kind.LINES:
        return ["one on each line"]
    if shape.kind is Kind.JSON:
        return [] if described and "JSON" in shape.node["description"] else ["as JSON"]
    if shape.kind is Kind.TEXT and not described:
        if "pattern" in shape.node:
            return [f"must match {shape.node['pattern']}"]
        return [_FORMATS[shape.node["format"]]] if shape.node.get("format") in _FORMATS else []
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
