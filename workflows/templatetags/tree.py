"""An untrusted JSON payload as a tree of few kinds of nodes, bounded in depth and number.

Templates draw it recursively; what is too deep or too much ends as a text node of raw JSON, so no
payload can exhaust the stack or the page.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from workflows.templatetags.visible import has_hidden, visible

MAX_DEPTH = 6
MAX_NODES = 2000
MAX_ROWS = 50
MAX_COLUMNS = 8
MAX_RAW = 300_000

_LONG_TEXT = 400
_LONG_LINES = 8
_INLINE = 100
_URL = re.compile(r"https?://[^\s<>\"\\^`{|}]{1,2000}", re.IGNORECASE)


@dataclass(slots=True)
class Node:
    """One value as it is drawn. Templates branch on `kind`:

    `text`, `number`, `bool`, `none`, `empty` (text); `link` (text is the address); `long` (text,
    with a `summary` to open it); `inline` and `bullets` (items); `facts` (labelled items);
    `records` (items, each a `facts`); `table` (columns, rows, more_rows); `raw` (text is JSON).
    """

    kind: str
    text: str = ""
    summary: str = ""
    label: str = ""
    key: str = ""
    items: list[Node] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[list[Node]] = field(default_factory=list)
    more_rows: list[list[Node]] = field(default_factory=list)

    @property
    def is_block(self) -> bool:
        """Whether it needs a line of its own below its label."""
        return self.kind in ("facts", "records", "table", "bullets", "raw", "long")


class Tree:
    """Builds the nodes of one payload, counting them."""

    def __init__(self, *, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> None:
        self.max_depth = max_depth
        self.left = max_nodes

    def node(self, value: Any, depth: int = 0) -> Node:
        self.left -= 1
        if not isinstance(value, dict | list | tuple):
            return scalar(value)
        if not value:
            return Node("empty", text="nothing" if isinstance(value, dict) else "none")
        if depth >= self.max_depth or self.left <= 0:
            return raw(value)
        if isinstance(value, dict):
            return self.facts(value, depth)
        return self.sequence(list(value), depth)

    def facts(self, value: dict[Any, Any], depth: int) -> Node:
        node = Node("facts")
        pairs = list(value.items())
        for n, (key, item) in enumerate(pairs):
            if self.left <= 0:
                rest = raw(dict(pairs[n:]))
                rest.label = f"and {len(pairs) - n} more"
                node.items.append(rest)
                break
            child = self.node(item, depth + 1)
            child.key = visible(str(key))[:200]
            child.label = humanised(str(key))
            node.items.append(child)
        return node

    def sequence(self, value: list[Any], depth: int) -> Node:
        if not any(isinstance(item, dict | list | tuple) for item in value):
            return self.scalars(value)
        columns = _columns(value)
        if columns and len(value) * len(columns) <= self.left:
            return self.table(value, columns)
        node = Node("records")
        for n, item in enumerate(value):
            if self.left <= 0:
                rest = raw(value[n:])
                rest.label = f"and {len(value) - n} more"
                node.items.append(rest)
                break
            child = self.node(item, depth + 1)
            child.label = str(n + 1)
            node.items.append(child)
        return node

    def scalars(self, value: list[Any]) -> Node:
        items = [scalar(item) for item in value[: max(self.left, 1)]]
        self.left -= len(items)
        if len(items) < len(value):
            items.append(raw(value[len(items) :]))
        return Node("inline" if _fit_a_line(items) else "bullets", items=items)

    def table(self, value: list[dict[str, Any]], columns: list[str]) -> Node:
        self.left -= len(value) * len(columns)
        rows = [[_cell(row.get(key, "")) for key in columns] for row in value]
        labels = [humanised(key) for key in columns]
        return Node("table", columns=labels, rows=rows[:MAX_ROWS], more_rows=rows[MAX_ROWS:])


def _columns(value: list[Any]) -> list[str]:
    """The keys of a list of flat records, in the order they come; none if it is no such list."""
    columns: dict[str, None] = {}
    for row in value:
        if not isinstance(row, dict) or len(value) < 2:
            return []
        if any(isinstance(item, dict | list | tuple) for item in row.values()):
            return []
        columns.update(dict.fromkeys(row))
    return list(columns) if len(columns) <= MAX_COLUMNS else []


def _cell(value: Any) -> Node:
    """A scalar in a table, where nothing is said by an empty cell."""
    return Node("empty") if value == "" else scalar(value)


def _fit_a_line(items: list[Node]) -> bool:
    if any(item.is_block for item in items):
        return False
    return len(items) == 1 or sum(len(item.text) + 2 for item in items) <= _INLINE


def scalar(value: Any) -> Node:
    """A value without parts. Numbers are written as they are, whatever the reader's locale."""
    match value:
        case None:
            return Node("none", text="—")
        case bool():
            return Node("bool", text="yes" if value else "no")
        case int() | float() | Decimal():
            return Node("number", text=_number(value))
        case str():
            return _text(value)
    return _text(str(value))


def _number(value: float | Decimal) -> str:
    try:
        return str(value)
    except ValueError:  # an int of more digits than Python writes
        assert isinstance(value, int)
        return f"a whole number of {value.bit_length():,} bits"


def _text(value: str) -> Node:
    if value == "":
        return Node("empty", text="empty text")
    if is_link(value):
        return Node("link", text=value)
    shown = visible(value)
    lines = value.count("\n") + 1
    if len(value) <= _LONG_TEXT and lines <= _LONG_LINES:
        return Node("text", text=shown)
    start = " ".join(shown[:400].split())[:80]
    return Node("long", text=shown, summary=f"{start}… ({len(value):,} characters)")


def is_link(value: str) -> bool:
    """Whether the whole text is a web address that may be opened: http and https, nothing else."""
    if not _URL.fullmatch(value) or has_hidden(value):
        return False
    try:
        return bool(urlsplit(value).hostname)
    except ValueError:
        return False


def humanised(key: str) -> str:
    """A key as a label: `claim_id` and `claimId` are "Claim id"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key[:120])
    words = " ".join(_lowered(word) for word in re.split(r"[_\-\s]+", words) if word)
    shown = visible(words[:1].upper() + words[1:]) or "(no name)"
    return f"{shown}…" if len(key) > 120 else shown


def _lowered(word: str) -> str:
    return word if word.isupper() else word[:1].lower() + word[1:]


def raw(value: Any) -> Node:
    """The rest as JSON text, as it is."""
    return Node("raw", text=raw_text(value))


def raw_text(value: Any) -> str:
    """`value` as readable JSON, hidden characters marked; cut with a note if it is endless."""
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply, or too large a number, to be shown)"
    if len(text) > MAX_RAW:
        text = f"{text[:MAX_RAW]}\n… and {len(text) - MAX_RAW:,} more characters"
    return visible(text)
