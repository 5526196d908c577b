"""The types of editable payload values before they became JSON.

JSON has no decimals and no dates, so they become texts, and a text could be changed into any other
text. So the request stores the type of each editable key, and an edit has to be of the same type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from workflows.engine.events import EditType, InputRequestEvent
from workflows.engine.schemas.zoned_times import keeps_more, read_outside_time, write_time

_TYPES: tuple[tuple[type, EditType], ...] = (  # before date, because a datetime is a date, too
    (Decimal, "decimal"), (datetime, "datetime"), (date, "date"), (time, "time"),
    (timedelta, "timedelta"), (UUID, "uuid"),
)  # fmt: skip
_SPAN = TypeAdapter(timedelta)

WORDS: Mapping[str, str] = {
    "decimal": "a number",
    "date": "a date, such as 2026-11-29",
    "datetime": "a date and time, such as {example}",
    "time": "a time of day, such as 09:30",
    "timedelta": "a length of time, such as P1DT2H for a day and two hours",
    "uuid": "an identifier (UUID)",
}


def editable_types(event: InputRequestEvent, plain: Any) -> dict[str, EditType]:
    """Return the types of the editable keys whose values became texts in the `plain` payload."""
    found: dict[str, EditType] = {}
    for key in event.editable:
        value = _value(event.payload, key)
        kind = next((name for cls, name in _TYPES if isinstance(value, cls)), None)
        text = plain.get(key) if isinstance(plain, dict) else None
        if kind and isinstance(text, str) and misfit(kind, text, text) == "":
            found[key] = kind
    return {**found, **event.editable_types}


def read_edit(kind: str, before: Any, value: Any) -> Any:
    """Return an edit as the JSON text of a value of this type; raise `ValueError` with the reason.

    `before` is the present text in the payload.
    """
    if message := misfit(kind, before, value):
        raise ValueError(message)
    return _READ[kind](value)


def misfit(kind: str, before: Any, value: Any) -> str:
    """Return what an edit has to be, empty if it is right."""
    words = f"This has to be {WORDS[kind].format(example=before)}"
    try:
        text = _READ[kind](value)
    except (ValueError, ArithmeticError):
        return words
    if kind in ("datetime", "time") and _has_zone(kind, text) != _has_zone(kind, before):
        zone = "a" if not _has_zone(kind, text) else "no"
        return f"{words}: with {zone} time zone or offset"
    return ""


def _value(payload: Any, key: str) -> Any:
    if isinstance(payload, Mapping):
        return payload.get(key)
    return getattr(payload, key, None) if isinstance(payload, BaseModel) else None


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError
    number = Decimal(str(value).strip())
    if not number.is_finite():
        raise InvalidOperation
    return str(number)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value.strip()


def _moment(kind: type[datetime] | type[time], value: Any) -> str:
    found = read_outside_time(kind, _text(value))
    plain = write_time(found) if keeps_more(found) else to_jsonable_python(found)
    return str(plain)


def _has_zone(kind: str, text: Any) -> bool:
    cls: type[datetime] | type[time] = datetime if kind == "datetime" else time
    return isinstance(text, str) and read_outside_time(cls, text).tzinfo is not None


_READ: Mapping[str, Callable[[Any], str]] = {
    "decimal": _number,
    "date": lambda value: date.fromisoformat(_text(value)).isoformat(),
    "datetime": lambda value: _moment(datetime, value),
    "time": lambda value: _moment(time, value),
    "timedelta": lambda value: str(to_jsonable_python(_SPAN.validate_python(_text(value)))),
    "uuid": lambda value: str(UUID(_text(value))),
}
