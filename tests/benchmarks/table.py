"""The table of `make bench`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.benchmarks.peers.figures import Figure, ratios
from tests.benchmarks.peers.table import STARVED

Limits = Mapping[tuple[str, int], float]
"""Commits a second, by store and number of clients."""

LINE = "{:20} {:11} {:>7} {:>10} {:9} {:>9} {:>7} {:>9}  {}"
HEAD = ("row", "store", "at once", "figure", "", "of limit", "x peer", "aim", "")


def lines(found: Sequence[Figure], limits: Limits, beside: Sequence[Figure]) -> Iterator[str]:
    """Yield a line for each figure, and notes about the rows below.

    A rate is shown with its share of the machine's limit, and with its ratio to the best peer if
    `beside` has figures of both that were measured in turns.
    """
    times = ratios(beside)
    yield LINE.format(*HEAD).rstrip()
    for one in found:
        yield LINE.format(
            one.row,
            one.store,
            f"{one.at_once:,}",
            _number(one, one.figure),
            one.unit,
            _share(one, limits),
            f"{times[one.work]:.1f}" if one.work in times else "-",
            "-" if one.aim is None else _number(one, one.aim),
            "missed" if one.misses else "",
        ).rstrip()
    yield from _notes(found)


def _number(figure: Figure, value: float) -> str:
    return f"{value:,.1f}" if figure.is_cost else f"{value:,.0f}"


def _share(figure: Figure, limits: Limits) -> str:
    most = limits.get((figure.store, figure.at_once))
    return "-" if figure.is_cost or not most else f"{figure.figure / most:.1%}"


def _notes(found: Sequence[Figure]) -> Iterator[str]:
    """Yield the notes of rows, and then the notes about unreliable figures."""
    rows: dict[str, list[str]] = {}
    for one in found:
        if one.note:
            rows.setdefault(one.note, []).append(one.row)
    if rows:
        yield ""
    for note, names in rows.items():
        yield f"- {', '.join(dict.fromkeys(names))}: {note}"
    for one in found:
        if one.uneven:
            yield f"- {one.row}, {one.store}: {one.uneven}"
    least = min((one.cores for one in found if one.store == "memory"), default=1.0)
    if least < STARVED:
        yield f"\nIn memory it got as little as {least:.2f} of a core: no figure here says much."
