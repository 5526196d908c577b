"""Prints untrusted text safely: escape sequences could control the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workflows.text.invisible_characters import has_hidden


def plain(text: str, width: int = 0) -> str:
    """Return `text` on one line without control characters, cut to `width`."""
    line = "".join(
        char if char.isprintable() and not has_hidden(char) else "\N{REPLACEMENT CHARACTER}"
        for char in " ".join(text.split())
    )
    return line if not width or len(line) <= width else line[: width - 1] + "…"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the rows below their headers, each column as wide as its longest cell."""
    lines = [list(head), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
