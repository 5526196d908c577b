"""The table of `make bench-peers`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tests.benchmarks.peers.figures import OURS, Figure, best_of

UNSTEADY = 0.3
"""Figures whose repeats differ by more than this share of the median are marked."""

STARVED = 0.8
"""The share of a core: a script in memory that got less shared the machine with other load."""

LEFT = 2
"""The number of text columns before those with numbers."""


def lines(peers: Sequence[Figure], ours: Sequence[Figure] = ()) -> Iterator[str]:
    """Yield a line for each piece of work, with a column for each peer, and the notes below.

    Our own figures, if there are any, come last, with their ratio to the best peer.
    """
    rows = [_head(peers, ours), *_body(peers, ours)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if column < LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
    yield from _notes(peers)


def _names(peers: Iterable[Figure]) -> list[str]:
    return list(dict.fromkeys(one.peer for one in peers))


def _head(peers: Sequence[Figure], ours: Sequence[Figure]) -> list[str]:
    versions = {one.peer: one.version for one in peers}
    names = [f"{name} {versions[name]}" for name in _names(peers)]
    return ["work", "store", "at once", *names, *([OURS, "x best peer"] if ours else [])]


def _body(peers: Sequence[Figure], ours: Sequence[Figure]) -> Iterator[list[str]]:
    found = {(one.work, one.peer): one for one in peers}
    best = best_of(peers)
    own = {one.work: one for one in ours}
    for work, example in best.items():
        row, store, at_once = work
        line = [f"{row}, {example.unit}", store, str(at_once)]
        line += [_cell(found.get((work, name))) for name in _names(peers)]
        if ours:
            mine = own.get(work)
            ratio = f"{mine.figure / example.figure:.1f}" if mine and example.figure else "-"
            line += [_cell(mine), ratio]
        yield line


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.figure:,.0f}{'~' if figure.spread > UNSTEADY else ''}"


def _notes(peers: Sequence[Figure]) -> Iterator[str]:
    yield ""
    if any(one.spread > UNSTEADY for one in peers):
        yield f"~ the repeats lie more than {UNSTEADY:.0%} of the median apart: a busy machine."
    least = min((one.cores for one in peers if one.store == "memory"), default=1.0)
    if least < STARVED:
        yield f"In memory a script got as little as {least:.2f} of a core: all figures are too low."
    yield "Where a comparison is uneven:"
    for row, peer, uneven in dict.fromkeys((one.row, one.peer, one.uneven) for one in peers):
        if uneven:
            yield f"- {row}, {peer}: {uneven}"
