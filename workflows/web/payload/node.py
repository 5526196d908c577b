"""One value of a payload as it is drawn, and the plain ones among them: texts, numbers, links."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from workflows.text.invisible_characters import visible
from workflows.text.links import web_address
from workflows.web.payload.zoned_times import zoned_words

MAX_RAW = 300_000

_LONG_TEXT = 400
_LONG_LINES = 8

BLOCKS = frozenset(
    {"facts", "records", "table", "bullets", "raw", "long", "difference", "pair", "lines"}
)

_TEXTS = ("text", "number", "bool", "none", "empty")
_TEMPLATES = {
    **dict.fromkeys(_TEXTS, "payload/node.html#text"),
    "link": "payload/node.html#link",
    "long": "payload/node.html#long",
    "raw": "payload/node.html#raw",
    "inline": "payload/node.html#inline",
    "bullets": "payload/node.html#bullets",
    "facts": "payload/node.html#facts",
    "records": "payload/node.html#records",
    "table": "payload/node.html#table",
    "pair": "payload/node.html#pair",
    "difference": "payload/diff.html",
    "lines": "payload/lines.html",
}


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a text that changed: "added", "removed", "same", or "gap" for those left out."""

    change: str
    text: str


@dataclass(slots=True)
class PayloadNode:
    """One value as it is drawn. Each `kind` has a template:

    `text`, `number`, `bool`, `none`, `empty` (text); `link` (text is the address); `long` (text,
    with a `summary` to open it); `inline` and `bullets` (items); `facts` (labelled items);
    `records` (items, each a `facts`); `table` (columns, rows, more_rows); `raw` (text is
    JSON); `difference` (summary, items with a `change` each, same); `pair` (items: before, after);
    `lines` (summary, lines).
    """

    kind: str
    text: str = ""
    summary: str = ""
    label: str = ""
    key: str = ""
    items: list[PayloadNode] = field(default_factory=list)
    columns: list[PayloadNode] = field(default_factory=list)
    rows: list[list[PayloadNode]] = field(default_factory=list)
    more_rows: list[list[PayloadNode]] = field(default_factory=list)
    is_figure: bool = False  # one of a column of numbers, which line up
    change: str = ""  # of an item in a difference: "added", "removed" or "changed"
    same: list[PayloadNode] = field(default_factory=list)
    lines: list[DiffLine] = field(default_factory=list)

    @property
    def is_block(self) -> bool:
        """Whether it needs a line of its own below its label."""
        return self.kind in BLOCKS

    @property
    def is_diff_block(self) -> bool:
        """The same in a difference, where a changed value stands beside its label."""
        return self.is_block and self.kind != "pair"

    @property
    def template(self) -> str:
        """The template that draws this kind of node."""
        return _TEMPLATES[self.kind]

    @property
    def change_tone(self) -> str:
        """The colour of `change`: green, red or yellow, by the classes of `.tag`."""
        return {"added": "go", "removed": "stop"}.get(self.change, "wait")


def scalar(value: Any) -> PayloadNode:
    """A value without parts. Numbers are written as they are, whatever the reader's locale."""
    match value:
        case None:
            return PayloadNode("none", text="—")
        case bool():
            return PayloadNode("bool", text="yes" if value else "no")
        case int() | float() | Decimal():
            return PayloadNode("number", text=_number(value))
        case str():
            return _text(value)
    return _text(str(value))


def _number(value: float | Decimal) -> str:
    try:
        return str(value)
    except ValueError:  # an int of more digits than Python writes
        assert isinstance(value, int)
        return f"a whole number of {value.bit_length():,} bits"


def _text(value: str) -> PayloadNode:
    if value == "":
        return PayloadNode("empty", text="empty text")
    address = web_address(value)
    if address is not None:
        return PayloadNode("link", text=address)
    if value.endswith("]") and (words := zoned_words(value)):
        return PayloadNode("text", text=words)
    shown = visible(value)
    lines = value.count("\n") + 1
    if len(value) <= _LONG_TEXT and lines <= _LONG_LINES:
        return PayloadNode("text", text=shown)
    start = " ".join(shown[:400].split())[:80]
    return PayloadNode("long", text=shown, summary=f"{start}… ({len(value):,} characters)")


def is_link(value: str) -> bool:
    """Whether the whole text is a web address that may be opened: http and https, nothing else."""
    return web_address(value) is not None


def humanised(key: str) -> str:
    """A key as a label: `claim_id` and `claimId` are "Claim id"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key[:120])
    words = " ".join(_lowered(word) for word in re.split(r"[_\-\s]+", words) if word)
    shown = visible(words[:1].upper() + words[1:]) or "(no name)"
    return f"{shown}…" if len(key) > 120 else shown


def _lowered(word: str) -> str:
    return word if word.isupper() else word[:1].lower() + word[1:]


def raw(value: Any) -> PayloadNode:
    """The rest as JSON text, as it is."""
    return PayloadNode("raw", text=raw_text(value))


def raw_text(value: Any) -> str:
    """`value` as readable JSON, hidden characters marked; cut with a note if it is endless."""
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply, or too large a number, to be shown)"
    if len(text) > MAX_RAW:
        text = f"{text[:MAX_RAW]}\n… and {len(text) - MAX_RAW:,} more characters"
    return visible(text)
