"""Reads a CSV file of claims. Every fault is found and named with its line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Final

from workflows.flows.expenses.claim import Claim
from workflows.flows.expenses.policy import LIMITS

MAX_CLAIMS = 1000
MAX_CELL = 200
FAULTS_SHOWN = 10

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Row = dict[str, str]


class BadClaims(ValueError):
    """A file that cannot be used. `faults` has a sentence for each, with line and column."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        more = len(faults) - FAULTS_SHOWN
        shown = faults[:FAULTS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        super().__init__(";\n".join(shown))


def decode_claims(data: bytes) -> str:
    """Return an uploaded file as text. Raise `BadClaims`, naming the line, if it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = f"line {line}: byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise BadClaims([fault]) from None


def parse_claims(text: str) -> list[Claim]:
    """Return the claims of a CSV text in their order. Raise `BadClaims` with every fault found.

    Columns are found by the names in the first line; unknown columns are ignored.
    """
    rows = _rows(text)
    columns = _header(*next(rows, (1, [])))
    claims: list[Claim] = []
    faults: list[str] = []
    lines: dict[str, int] = {}
    for count, (line, cells) in enumerate(rows, start=1):
        if count > MAX_CLAIMS:
            faults.append(f"line {line}: more than {MAX_CLAIMS:,} claims; split the file")
            break
        if len(cells) != len(columns):
            faults.append(
                f"line {line}: {len(cells)} fields where the header has {len(columns)};"
                " a text with a comma needs quotes"
            )
            continue
        row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
        found = list(_faults(row, lines))
        faults += [f"line {line}, column {fault}" for fault in found]
        lines.setdefault(row["claim"], line)
        if not found:
            claims.append(_claim(row))
    if not claims and not faults:
        faults.append("line 2: there are no claims after the header")
    if faults:
        raise BadClaims(faults)
    return claims


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with its first line number."""
    reader = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BadClaims([f"line {line}: not CSV, {error}"]) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _header(line: int, cells: list[str]) -> list[str]:
    if not cells:
        raise BadClaims([f"line {line}: the file is empty"])
    columns = [cell.strip().lower() for cell in cells]
    faults = [f"line {line}: the column {name} is missing" for name in COLUMNS - set(columns)]
    if faults and len(cells) == 1:
        faults = [f"line {line}: one column only; columns are separated by commas"]
    twice = {name for name in columns if name in COLUMNS and columns.count(name) > 1}
    faults += [f"line {line}: the column {name} is there twice" for name in twice]
    if faults:
        raise BadClaims(sorted(faults))
    return columns


def _faults(row: Row, lines: dict[str, int]) -> Iterator[str]:
    for name, check in _CHECKS.items():
        value = row[name]
        if not value:
            yield f"{name}: there is nothing in it"
        elif len(value) > MAX_CELL:
            yield f"{name}: longer than {MAX_CELL} characters"
        elif _UNSTORABLE.search(value):
            yield f"{name}: a character that cannot be stored"
        elif fault := check(value):
            yield f"{name}: {value!r} {fault}"
    if row["claim"] in lines:
        yield f"claim: {row['claim']!r} is on line {lines[row['claim']]} already"


def _claim(row: Row) -> Claim:
    return Claim(
        claim=row["claim"],
        person=row["person"],
        team=row["team"],
        date=date.fromisoformat(row["date"]),
        category=row["category"].lower(),
        description=row["description"],
        claimed=Decimal(row["amount"]).quantize(Decimal("0.01")),
        receipt=row["receipt"].lower() == "yes",
    )


def _any_text(_: str) -> str | None:
    return None


def _amount_fault(value: str) -> str | None:
    """Return the fault of an amount. Decimal itself would accept NaN, 1e5 and 1_000."""
    if not _NUMBER.fullmatch(value):
        return "is not a number; write it like 1234.50"
    if value.startswith("-"):
        return "is negative"
    whole, _, cents = value.partition(".")
    if len(whole) > 7:
        return "is too large"
    if len(cents) > 2:
        return "has more than two decimals"
    return None if Decimal(value) else "is nothing to claim"


def _date_fault(value: str) -> str | None:
    if _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            return "is not in the calendar"
        return None
    return "is not a date; write it like 2026-11-18"


def _category_fault(value: str) -> str | None:
    return None if value.lower() in LIMITS else f"is none of {', '.join(LIMITS)}"


def _receipt_fault(value: str) -> str | None:
    return None if value.lower() in ("yes", "no") else "is neither yes nor no"


_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "claim": _any_text,
    "person": _any_text,
    "team": _any_text,
    "date": _date_fault,
    "category": _category_fault,
    "description": _any_text,
    "amount": _amount_fault,
    "receipt": _receipt_fault,
}
COLUMNS: Final = frozenset(_CHECKS)
