"""An untrusted JSON payload as a tree of few kinds of nodes, bounded in depth and number.

Templates draw it recursively; what is too deep or too much ends as a text node of raw JSON, so no
payload can exhaust the stack or the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from workflows.text.invisible_characters import visible
from workflows.web.payload.diff import difference, is_change
from workflows.web.payload.node import PayloadNode, humanised, raw, scalar

MAX_DEPTH = 6
MAX_NODES = 2000
MAX_ROWS = 50
MAX_COLUMNS = 8

_INLINE = 100
_FIGURE = re.compile(r"[-+]?\d[\d., ]*%?")


class Tree:
    """Builds the nodes of one payload, counting them."""

    def __init__(self, *, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> None:
        self.max_depth = max_depth
        self.left = max_nodes

    def node(self, value: Any, depth: int = 0) -> PayloadNode:
        self.left -= 1
        if not isinstance(value, dict | list | tuple):
            return scalar(value)
        if not value:
            return PayloadNode("empty", text="nothing" if isinstance(value, dict) else "none")
        if depth >= self.max_depth or self.left <= 0:
            return raw(value)
        if isinstance(value, dict):
            return self.changes(value, depth) if is_change(value) else self.facts(value, depth)
        return self.sequence(list(value), depth)

    def changes(self, value: dict[Any, Any], depth: int) -> PayloadNode:
        """What `before` and `after` differ in, and below it what else was said."""
        change = difference(self, value["before"], value["after"], depth + 1)
        rest = {key: item for key, item in value.items() if key not in ("before", "after")}
        if not rest:
            return change
        node = self.facts(rest, depth)
        change.label = "Before and after"
        node.items.insert(0, change)
        return node

    def facts(self, value: dict[Any, Any], depth: int) -> PayloadNode:
        node = PayloadNode("facts")
        pairs = list(_places(value).items())
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

    def sequence(self, value: list[Any], depth: int) -> PayloadNode:
        if not any(isinstance(item, dict | list | tuple) for item in value):
            return self.scalars(value)
        columns = _columns(value)
        if columns and len(value) * len(columns) <= self.left:
            return self.table(value, columns)
        node = PayloadNode("records")
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

    def scalars(self, value: list[Any]) -> PayloadNode:
        items = [scalar(item) for item in value[: max(self.left, 1)]]
        self.left -= len(items)
        if len(items) < len(value):
            items.append(raw(value[len(items) :]))
        return PayloadNode("inline" if _fit_a_line(items) else "bullets", items=items)

    def table(self, value: list[dict[str, Any]], columns: list[str]) -> PayloadNode:
        self.left -= len(value) * len(columns)
        rows = [[_cell(row.get(key, "")) for key in columns] for row in value]
        for n, key in enumerate(columns):
            if _are_figures(row.get(key) for row in value):
                for row in rows:
                    row[n].is_figure = True
        heads = [
            PayloadNode("text", label=humanised(key), is_figure=rows[0][n].is_figure)
            for n, key in enumerate(columns)
        ]
        return PayloadNode("table", columns=heads, rows=rows[:MAX_ROWS], more_rows=rows[MAX_ROWS:])


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


def _cell(value: Any) -> PayloadNode:
    """A scalar in a table, where nothing is said by an empty cell."""
    return PayloadNode("empty") if value == "" else scalar(value)


def _fit_a_line(items: list[PayloadNode]) -> bool:
    if any(item.is_block for item in items):
        return False
    return len(items) == 1 or sum(len(item.text) + 2 for item in items) <= _INLINE


def _are_figures(values: Iterable[Any]) -> bool:
    """Whether a column holds numbers, be they texts: exact amounts travel as texts."""
    found = [value for value in values if value is not None and value != ""]
    return bool(found) and all(
        not isinstance(value, bool)
        and (isinstance(value, int | float) or (isinstance(value, str) and _is_figure(value)))
        for value in found
    )


def _is_figure(text: str) -> bool:
    return len(text) <= 40 and _FIGURE.fullmatch(text) is not None


def _places(value: dict[Any, Any]) -> dict[Any, Any]:
    """`{"number": 9, "of": 41}` is one fact: 9 of 41."""
    number, of = value.get("number"), value.get("of")
    if type(number) is not int or type(of) is not int:
        return value
    return {
        key: f"{number} of {of}" if key == "number" else item
        for key, item in value.items()
        if key != "of"
    }
