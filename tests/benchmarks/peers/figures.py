"""A measured figure, as scripts print it and as tables show it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

OURS = "blazen"
"""What this project's own figures call themselves, where a table shows both."""

COSTS = frozenset({"ms", "bytes", "s", "count"})
"""Units of which less is better. Those of work done in a second have no place here."""


Work = tuple[str, str, int]
"""Row, store, and how much at once."""


class FigureError(ValueError):
    """What a script printed is not a figure."""


@dataclass(frozen=True)
class Figure:
    """The median of some repeats of one row, on one store, with so much at once."""

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
    """Of processor time that the script got. In memory, far below 1 means that others had it."""
    aim: float | None = None
    note: str = ""
    """What the figure is of, and what has to be known to read it. One note a row."""

    @property
    def work(self) -> Work:
        """What was done; figures of the same work can be compared."""
        return self.row, self.store, self.at_once

    @property
    def spread(self) -> float:
        """How far the repeats lie apart, as a part of the median."""
        return (max(self.repeats) - min(self.repeats)) / self.figure if self.figure else 0.0

    @property
    def is_cost(self) -> bool:
        """Whether less of it is better."""
        return self.unit in COSTS

    @property
    def misses(self) -> bool:
        """Whether there is an aim, and the figure is on the wrong side of it."""
        if self.aim is None:
            return False
        return self.figure > self.aim if self.is_cost else self.figure < self.aim

    def __str__(self) -> str:
        where = f"{self.row}, {self.store}, {self.at_once} at once"
        cores = f", on {self.cores:.2f} cores" if self.cores else ""
        return f"{where}: {self.figure:,.1f} {self.unit}{cores}"


def read_line(line: str) -> Figure:
    """Read what a script printed; other keys than those of a figure are passed over."""
    try:
        found = json.loads(line)
        known = {one.name for one in fields(Figure)}
        return Figure(**{name: value for name, value in found.items() if name in known})
    except (ValueError, TypeError, AttributeError) as error:
        raise FigureError(f"This line is not a figure: {line.strip()!r}") from error


def print_line(figure: Figure) -> None:
    """Print a figure for whoever reads this process's lines."""
    sys.stdout.write(json.dumps(asdict(figure)) + "\n")
    sys.stdout.flush()


def write_file(path: Path, figures: Iterable[Figure], **facts: Any) -> None:
    """Keep figures as JSON, with facts about when and where they were taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {**facts, "figures": [asdict(one) for one in figures]}
    path.write_text(json.dumps(kept, indent=1) + "\n")


def read_file(path: Path) -> list[Figure]:
    """Return the figures of a file, none if there is no such file."""
    if not path.exists():
        return []
    return [read_line(json.dumps(one)) for one in json.loads(path.read_text())["figures"]]


def best_of(figures: Iterable[Figure]) -> dict[Work, Figure]:
    """Return the highest figure of each piece of work that is not this project's own."""
    best: dict[Work, Figure] = {}
    for one in figures:
        if one.peer != OURS and (one.work not in best or one.figure > best[one.work].figure):
            best[one.work] = one
    return best


def ratios(figures: Sequence[Figure]) -> dict[Work, float]:
    """Return how many times the best peer's figure ours is, of what was measured side by side."""
    best = best_of(figures)
    return {
        one.work: one.figure / best[one.work].figure
        for one in figures
        if one.peer == OURS and one.work in best and best[one.work].figure
    }
