"""Numbers as people type and paste them, read as what they mean, or asked about.

`1 250,00 €` and `1'250.00` can be read in one way only. `1.250` cannot where the reader's language
writes a decimal comma: it is then refused with both readings, because a guess would change what
somebody pays.
"""

from __future__ import annotations

import pkgutil
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal

from django.conf import locale
from django.utils import formats
from django.utils.translation.trans_real import parse_accept_lang_header

_PLAIN = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPS = re.compile(r"[1-9][0-9]{0,2}(?:([ '.,])[0-9]{3})(?:\1[0-9]{3})*")
_INDIAN_GROUPS = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")
_CURRENCY = re.compile(
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KRW|MXN|"
    "MYR|NGN|NOK|NZD|PEN|PHP|PLN|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_CHARACTERS = {
    **dict.fromkeys(map(ord, _MINUS), "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc\uff07\u066c"), "'"),
    ord("\uff0b"): "+",
    ord("\uff0c"): ",",
    ord("\uff0e"): ".",
}
_ARABIC_POINT = "\u066b"

# Only names of this set are looked up: Django keeps what it read for each name it was asked for.
_LANGUAGES = frozenset(
    module.name.replace("_", "-").lower() for module in pkgutil.iter_modules(locale.__path__)
)
_PROGRAM = ""  # what sends no Accept-Language is a program, and programs write a point
_language: ContextVar[str | None] = ContextVar("reader_language", default=_PROGRAM)


class AmbiguousNumber(ValueError):
    """A number that can be read in two ways; the message asks which one is meant."""

    def __init__(self, text: str, readings: tuple[str, str]) -> None:
        one, other = map(_unmistakable, readings)
        super().__init__(f"{text} can be read in two ways. Write {one} or {other}.")


@contextmanager
def reader_language(accept_language: str) -> Iterator[None]:
    """Read numbers as the first language of this `Accept-Language` header writes them."""
    token = _language.set(_known_language(accept_language) if accept_language else _PROGRAM)
    try:
        yield
    finally:
        _language.reset(token)


def _known_language(accept_language: str) -> str | None:
    """Return the first language whose number format Django knows, None if there is none."""
    for name, _ in parse_accept_lang_header(accept_language.lower()):
        for candidate in (name, name.partition("-")[0]):
            if candidate in _LANGUAGES:
                return candidate
    return None


def decimal_separator() -> str | None:
    """Return the reader's decimal separator, `.` or `,`; None if their language is unknown."""
    language = _language.get()
    if not language:
        return None
    separator = formats.get_format("DECIMAL_SEPARATOR", language, use_l10n=True)
    return separator if separator in (".", ",") else None


def read_number(text: str) -> str | None:
    """Return a number as JSON and Python write it (`-1250.00`), with all its digits.

    Surrounding and grouping spaces of any kind, grouping marks, every minus sign, the digits of
    other scripts and a currency are understood. Return None if `text` is no number. Raise
    `AmbiguousNumber` where the mark in it may group thousands or begin the decimals.
    """
    sign, body = _sign_and_body(text)
    by_point, by_comma = _parsed(body, ".", ","), _parsed(body, ",", ".")
    if by_point is None or by_comma is None or by_point == by_comma:
        found = by_comma if by_point is None else by_point
        return None if found is None else sign + found
    separator = decimal_separator()
    if separator == "." or (_language.get() == _PROGRAM and "," not in body):
        return sign + by_point
    # With a decimal comma "1,250" has one reading; "1.250" may be either.
    if separator == "," and "," in body:
        return sign + by_comma
    raise AmbiguousNumber(text.strip(), (sign + by_comma, sign + by_point))


def _sign_and_body(text: str) -> tuple[str, str]:
    """Return the sign, `-` or nothing, and the digits with the marks between them."""
    body = "".join(map(_ascii, text)).translate(_CHARACTERS).strip()
    sign, body = _without_sign(body)
    body = _without_currency(body)
    if not sign:
        sign, body = _without_sign(body)
    return ("-" if sign == "-" else ""), body


def _without_sign(text: str) -> tuple[str, str]:
    return (text[0], text[1:].lstrip()) if text[:1] in ("-", "+") else ("", text)


def _ascii(character: str) -> str:
    """Return the ASCII digit or the space that a character stands for; invisible ones are cut."""
    if character.isascii():
        return " " if character.isspace() else character
    if character == _ARABIC_POINT:
        return "."
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) == "Cf" else character


def _without_currency(text: str) -> str:
    for cut in (1, 3):
        start, end = text[:cut], text[-cut:]
        if _is_currency(start):
            return text[cut:].strip()
        if _is_currency(end):
            return text[:-cut].strip()
    return text


def _is_currency(mark: str) -> bool:
    return bool(_CURRENCY.fullmatch(mark)) or (
        len(mark) == 1 and unicodedata.category(mark) == "Sc"
    )


def _parsed(body: str, point: str, group: str) -> str | None:
    """Return `body` as a plain number, with `point` before its decimals; None if it is none."""
    whole, mark, rest = body.partition(point)
    if mark and (group in rest or point in rest or " " in rest or "'" in rest):
        return None
    if any(sep in whole for sep in (group, " ", "'")):
        if not (_GROUPS.fullmatch(whole) or (group == "," and _INDIAN_GROUPS.fullmatch(whole))):
            return None
        whole = re.sub(r"[ ',.]", "", whole)
    plain = f"{whole}.{rest}" if mark else whole
    return plain if _PLAIN.fullmatch(plain) else None


def _unmistakable(number: str) -> str:
    """Return a number in a spelling that has one reading: never three decimals after a point."""
    value = Decimal(number).normalize()
    text = f"{value:f}"
    decimals = len(text.partition(".")[2])
    if decimals == 0:
        return f"{text}.00"
    return f"{text}0" if decimals == 3 else text
