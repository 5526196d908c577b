"""What a change changes: the keys of two objects, the lines of two texts.

Whoever approves a change has to see it, and nothing but it: what stays the same is folded.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, Protocol

from workflows.engine.requests.payload_edits import json_equal
from workflows.text.invisible_characters import visible
from workflows.web.payload.node import DiffLine, PayloadNode, humanised, raw_text, scalar

MAX_LINES = 1000  # of each side; the comparison may take as long as their product
MAX_CHARACTERS = 100_000
CONTEXT = 2  # lines that stay the same around those that do not

_SHORT = 80


class NodeBuilder(Protocol):
    """Who draws and counts the values within a change."""

    max_depth: int
    left: int

    def node(self, value: Any, depth: int = 0) -> PayloadNode:
        """Return a value as a node."""


def is_change(value: dict[Any, Any]) -> bool:
    """Whether an object tells of a change."""
    return "before" in value and "after" in value


def difference(builder: NodeBuilder, before: Any, after: Any, depth: int) -> PayloadNode:
    """Return what differs between two values, as keys, as lines, or as one beside the other."""
    if isinstance(before, dict) and isinstance(after, dict):
        if depth > builder.max_depth:
            return _lines(raw_text(before), raw_text(after))
        return _keys(builder, before, after, depth)
    if isinstance(before, str) and isinstance(after, str) and _is_long(before, after):
        return _lines(before, after)
    if isinstance(before, list) and isinstance(after, list):
        return _lines(_items(before), _items(after))
    builder.left -= 2
    return PayloadNode("pair", items=[builder.node(before, depth), builder.node(after, depth)])


def _keys(
    builder: NodeBuilder, before: dict[Any, Any], after: dict[Any, Any], depth: int
) -> PayloadNode:
    node = PayloadNode("difference")
    for key in dict.fromkeys([*before, *after]):
        if builder.left <= 0:
            return _lines(raw_text(before), raw_text(after))
        if key not in after:
            child, change = builder.node(before[key], depth), "removed"
        elif key not in before:
            child, change = builder.node(after[key], depth), "added"
        elif json_equal(before[key], after[key]):
            child, change = builder.node(after[key], depth), ""
        else:
            child, change = difference(builder, before[key], after[key], depth + 1), "changed"
        child.key, child.label = visible(str(key))[:200], humanised(str(key))
        child.change = change
        (node.items if change else node.same).append(child)
    node.summary = _tally(node)
    return node


def _items(value: list[Any]) -> str:
    """A list as a text, one line for each item."""
    return "\n".join(
        item if isinstance(item, str) else " ".join(raw_text(item).split()) for item in value
    )


def _tally(node: PayloadNode) -> str:
    changes = [item.change for item in node.items]
    words = [
        f"{changes.count(word)} {word}"
        for word in ("changed", "added", "removed")
        if word in changes
    ]
    return ", ".join(words) or "No changes"


def _is_long(before: str, after: str) -> bool:
    return "\n" in before or "\n" in after or max(len(before), len(after)) > _SHORT


def _lines(before: str, after: str) -> PayloadNode:
    """The lines of two texts; where they are too many, the texts one beside the other."""
    old, new = before.splitlines(), after.splitlines()
    too_long = max(len(before), len(after)) > MAX_CHARACTERS
    if too_long or max(len(old), len(new)) > MAX_LINES:
        return PayloadNode("pair", items=[scalar(before), scalar(after)])
    lines = list(_compared(old, new))
    changes = [line.change for line in lines]
    words = [f"{changes.count(word)} {word}" for word in ("removed", "added") if word in changes]
    summary = f"Lines: {', '.join(words)}" if words else "No changed lines"
    return PayloadNode("lines", summary=summary, lines=lines)


def _compared(old: list[str], new: list[str]) -> Iterator[DiffLine]:
    codes = SequenceMatcher(None, old, new, autojunk=True).get_opcodes()
    for n, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag == "equal":
            yield from _context(old[i1:i2], is_first=n == 0, is_last=n == len(codes) - 1)
            continue
        yield from (DiffLine("removed", visible(text)) for text in old[i1:i2])
        yield from (DiffLine("added", visible(text)) for text in new[j1:j2])


def _context(lines: list[str], *, is_first: bool, is_last: bool) -> Iterator[DiffLine]:
    """The lines next to a change, and how many were left out between."""
    head = 0 if is_first else CONTEXT
    tail = 0 if is_last else CONTEXT
    left_out = len(lines) - head - tail
    if left_out <= 1:
        yield from (DiffLine("same", visible(text)) for text in lines)
        return
    yield from (DiffLine("same", visible(text)) for text in lines[:head])
    yield DiffLine("gap", f"{left_out} unchanged lines")
    yield from (DiffLine("same", visible(text)) for text in lines[len(lines) - tail :])
