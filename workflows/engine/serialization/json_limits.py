"""Limits of untrusted JSON, the same on every database.

PostgreSQL's jsonb refuses NUL, NaN, Infinity and lone surrogates; SQLite accepts them all. A small
text with deep nesting crashes a parser. So size, depth and characters are checked here, before
anything is stored, by code that uses neither Django nor a database.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

JSONValue: TypeAlias = "None | bool | int | float | str | list[JSONValue] | dict[str, JSONValue]"

MAX_NODES = 100_000
"""Values in one document, containers included. Far more than a reader could use."""

MAX_DIGITS = 4300
"""Digits of one integer: the limit of Python itself."""

_TOO_LONG = 10**MAX_DIGITS
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
# A whole string (or an unterminated one, to the end) or one bracket: linear on any input.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class InputRefused(ValueError):
    """Text or data from outside must not be stored.

    `what` names the thing (a payload, an answer). `where` is the place in it, such as
    `$.claims[3].note`, or empty.
    """

    def __init__(self, what: str, reason: str, where: str = "") -> None:
        self.what = what
        self.where = where
        super().__init__(f"{what} {reason}{f' (at {where})' if where else ''}.")


class LimitExceeded(InputRefused):
    """Well-formed, but more than the limits allow."""


class TooLarge(LimitExceeded):
    """Too many bytes, or too many values."""


class TooDeep(LimitExceeded):
    """Lists and objects nested more deeply than allowed."""


class NotJson(InputRefused):
    """The text is no JSON, or has a number that cannot be stored: NaN, Infinity, 1e999."""


class ForbiddenText(InputRefused):
    """A character cannot be stored in a database: NUL, or half of a surrogate pair."""


@dataclass(frozen=True, slots=True)
class _HugeInteger:
    """Marks an integer with too many digits, until its path is known."""

    digits: int


class WrittenFloat(float):
    """A number that a float cannot represent exactly; `text` is its original text."""

    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        """Return the nearest float, with its text."""
        made = super().__new__(cls, text)
        made.text = text
        return made


@dataclass(frozen=True, slots=True)
class _Location:
    """One value in a document, linked to its container, so that paths are computed on demand."""

    value: object
    depth: int
    parent: _Location | None = None
    key: str | int | None = None

    def path(self) -> str:
        parts: list[str] = []
        location: _Location | None = self
        while location is not None and location.parent is not None:
            parts.append(
                f"[{location.key}]" if isinstance(location.key, int) else _dotted(location.key)
            )
            location = location.parent
        # The path is shown to people, so a very long one is shortened in the middle.
        if len(parts) > 12:
            parts[6:-6] = ["…"]
        return "$" + "".join(reversed(parts))


def _dotted(key: str | None) -> str:
    if key is not None and key.isidentifier() and len(key) <= 60:
        return f".{key}"
    shown = ascii(key if key is None or len(key) <= 60 else key[:60] + "…")
    return f"[{shown}]"


def parse_json(
    text: str,
    *,
    max_bytes: int,
    max_depth: int,
    what: str = "The JSON text",
    digits: bool = False,
) -> JSONValue:
    """Read `text` as JSON. Refuse values that not every database can store.

    With `digits`, a number that a float cannot represent exactly becomes a `WrittenFloat`. Raise
    `TooLarge`, `TooDeep`, `NotJson` (with line and column) or `ForbiddenText`. Depth is counted
    before parsing, so no input raises RecursionError.
    """
    found = _FORBIDDEN.search(text)
    if found:
        raise ForbiddenText(what, f"holds {_named(found[0])} at character {found.start() + 1}")
    size = len(text.encode())
    if size > max_bytes:
        raise TooLarge(what, f"has {size:,} bytes, more than the {max_bytes:,} allowed")
    _check_brackets(text, what, max_depth)
    value = _loads(text, what, max_depth, _written if digits else float)
    check_json(value, what=what, max_bytes=max_bytes, max_depth=max_depth)
    return value


def _check_brackets(text: str, what: str, max_depth: int) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        mark = found[0]
        if mark in ("[", "{"):
            depth += 1
            if depth > max_depth:
                raise _too_deep(what, max_depth, f"character {found.start() + 1}")
        elif mark in ("]", "}"):
            depth -= 1


def _loads(text: str, what: str, max_depth: int, parse_float: Callable[[str], float]) -> JSONValue:
    try:
        value: JSONValue = json.loads(
            text, parse_int=_integer, parse_float=parse_float, parse_constant=float
        )
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg}, line {error.lineno}, column {error.colno}"
        raise NotJson(what, reason) from None
    except RecursionError:  # only if the caller allows more depth than the interpreter has
        raise _too_deep(what, max_depth, "") from None
    return value


def _written(text: str) -> float:
    number = float(text)
    return number if repr(number) == text else WrittenFloat(text)


def _integer(digits: str) -> int | _HugeInteger:
    length = len(digits.lstrip("-"))
    return _HugeInteger(length) if length > MAX_DIGITS else int(digits)


def check_json(
    value: object, *, what: str, max_bytes: int, max_depth: int, max_nodes: int = MAX_NODES
) -> None:
    """Refuse Python data that is not JSON, is too large, or that a database cannot store.

    `what` is the subject of the error text ("The payload"). `max_bytes` counts compact UTF-8 JSON.
    There is no recursion, and the check stops at the first limit that is exceeded, also for cycles.
    """
    stack = [_Location(value, depth=0)]
    nodes = size = 0
    while stack:
        location = stack.pop()
        nodes += 1
        if nodes > max_nodes:
            raise TooLarge(what, f"has more than the {max_nodes:,} values allowed")
        if isinstance(location.value, list | dict):
            if location.depth >= max_depth:
                raise _too_deep(what, max_depth, location.path())
            size += 2 + _push(location, stack, what)
        else:
            size += _scalar_size(location, what)
        if size > max_bytes:
            raise TooLarge(what, f"has more than the {max_bytes:,} bytes allowed")
    exact = _json_size(value, what, max_depth)
    if exact > max_bytes:  # the count above has no escapes and no commas
        raise TooLarge(what, f"has {exact:,} bytes, more than the {max_bytes:,} allowed")


def _json_size(value: object, what: str, max_depth: int) -> int:
    try:
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    except RecursionError:  # only if the caller allows more depth than the interpreter has
        raise _too_deep(what, max_depth, "") from None


def _push(location: _Location, stack: list[_Location], what: str) -> int:
    """Add the children of a list or object to the stack; return the bytes of its keys."""
    if isinstance(location.value, list):
        items = list(enumerate(location.value))
        stack.extend(
            _Location(item, location.depth + 1, location, n) for n, item in reversed(items)
        )
        return 0
    assert isinstance(location.value, dict)
    size = 0
    for key, item in reversed(location.value.items()):
        if not isinstance(key, str):
            raise NotJson(what, f"has a key that is no text: {key!r:.60}", location.path())
        size += _text_size(key, what, location.path) + 3
        stack.append(_Location(item, location.depth + 1, location, key))
    return size


def _scalar_size(location: _Location, what: str) -> int:
    match location.value:
        case None | bool():
            return 4
        case str() as text:
            return _text_size(text, what, location.path) + 2
        case float() as number:
            if math.isfinite(number):
                return 1
            _refuse_number(number, what, location.path())
        case int() as number if -_TOO_LONG < number < _TOO_LONG:
            return 1
        case int() | _HugeInteger():
            raise NotJson(what, f"has an integer of more than {MAX_DIGITS} digits", location.path())
        case other:
            kind = type(other).__name__
            raise NotJson(what, f"holds a {kind}, which is not JSON", location.path())


def _text_size(text: str, what: str, path: Callable[[], str]) -> int:
    found = _FORBIDDEN.search(text)
    if found:
        raise ForbiddenText(what, f"holds {_named(found[0])}", path())
    return len(text) if text.isascii() else len(text.encode())


def _refuse_number(number: float, what: str, where: str) -> NoReturn:
    name = "NaN" if math.isnan(number) else "a number beyond what a float holds, or Infinity"
    raise NotJson(what, f"has {name}, which is not JSON", where)


def _named(character: str) -> str:
    if character == "\x00":
        return "a NUL character"
    return f"half of a surrogate pair (U+{ord(character):04X})"


def _too_deep(what: str, max_depth: int, where: str) -> TooDeep:
    return TooDeep(what, f"is nested more than {max_depth} levels deep", where)
