"""The times of many answers, and their percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.benchmarks.peers.figures import OURS, Figure, print_line
from tests.benchmarks.peers.measure import Row

RATE = 100
"""Answers a second."""

FEWEST = 10
"""The minimum number of answers in a repeat."""

Committed = dict[str, float]
"""For each request the time of the commit of its answer, from `time.monotonic`."""


def rate_of(committed: Committed) -> float:
    """Return the real rate of answers in a second."""
    taken = max(committed.values()) - min(committed.values())
    return (len(committed) - 1) / taken if taken else 0.0


def slowness(rate: float) -> str:
    """Return a note if the real rate was too low."""
    return "" if rate >= 0.95 * RATE else f"there were only {rate:.0f} answers/s."


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * part / 100) - 1)]


def print_percentiles(
    row: Row, repeats: Sequence[Sequence[float]], aims: dict[int, float], note: str
) -> None:
    """Print a figure for each percentile, of the ms of all repeats together."""
    every = [one for times in repeats for one in times]
    for part, aim in aims.items():
        print_line(
            Figure(
                row=f"{row.name} p{part}",
                peer=OURS,
                version="",
                store=row.store,
                at_once=row.at_once,
                figure=round(percentile(every, part), 1),
                unit="ms",
                repeats=[round(percentile(times, part), 1) for times in repeats],
                uneven=row.uneven,
                aim=aim,
                note=note,
            )
        )
