"""A measured figure, as scripts print it and as tables show it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

OURS = "blazen"
"""The name of this project in tables with the figures of peers."""

COSTS = frozenset({"ms", "bytes", "s", "count"})
"""Units of which less is better, unlike rates."""


Work = tuple[str, str, int]
"""Row, store, and how many at the same time."""


class FigureError(ValueError):
    """A line of a script is not a figure."""


@dataclass(frozen=True)
class Figure:
    """The median of several repeats of one row, on one store, with a number of runs at once."""

    row: str
    peer: str
    version: str
    store: str
    at_once: int
    figure: float
    unit: str
    repeats: list[float]
    uneven: str = ""
    cores: float = 0.0
    """The share of processor time that the script got. In memory, far below 1 means other load."""
    aim: float | None = None
    note: str = ""
    """What was measured, and what is needed to understand the figure. One note for each row."""

    @property
    def work(self) -> Work:
        """The measured work; figures of the same work can be compared."""
        return self.row, self.store, self.at_once

    @property
    def spread(self) -> float:
        """The distance between the repeats, as a share of the median."""
        return (max(self.repeats) - min(self.repeats)) / self.figure if self.figure else 0.0

    @property
    def is_cost(self) -> bool:
        """True if less is better."""
        return self.unit in COSTS

    @property
    def misses(self) -> bool:
        """True if the figure misses its target."""
        if self.aim is None:
            return False
        return self.figure > self.aim if self.is_cost else self.figure < self.aim

    def __str__(self) -> str:
        where = f"{self.row}, {self.store}, {self.at_once} at once"
        cores = f", on {self.cores:.2f} cores" if self.cores else ""
        return f"{where}: {self.figure:,.1f} {self.unit}{cores}"


def read_line(line: str) -> Figure:
    """Read a line of a script; keys that a figure does not have are ignored."""
    try:
        found = json.loads(line)
        known = {one.name for one in fields(Figure)}
        return Figure(**{name: value for name, value in found.items() if name in known})
    except (ValueError, TypeError, AttributeError) as error:
        raise FigureError(f"This line is not a figure: {line.strip()!r}") from error


def print_line(figure: Figure) -> None:
    """Print a figure as a line for the parent process."""
    sys.stdout.write(json.dumps(asdict(figure)) + "\n")
    sys.stdout.flush()


def write_file(path: Path, figures: Iterable[Figure], **facts: Any) -> None:
    """Write figures as JSON, with facts about the time and the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {**facts, "figures": [asdict(one) for one in figures]}
    path.write_text(json.dumps(kept, indent=1) + "\n")


def read_file(path: Path) -> list[Figure]:
    """Return the figures of a file, none if there is no such file."""
    if not path.exists():
        return []
    return [read_line(json.dumps(one)) for one in json.loads(path.read_text())["figures"]]


def best_of(figures: Iterable[Figure]) -> dict[Work, Figure]:
    """Return the highest figure of the peers for each piece of work."""
    best: dict[Work, Figure] = {}
    for one in figures:
        if one.peer != OURS and (one.work not in best or one.figure > best[one.work].figure):
            best[one.work] = one
    return best


def ratios(figures: Sequence[Figure]) -> dict[Work, float]:
    """Return the ratio of our figure to the best peer's, for work that was measured in turns."""
    best = best_of(figures)
    return {
        one.work: one.figure / best[one.work].figure
        for one in figures
        if one.peer == OURS and one.work in best and best[one.work].figure
    }
