"""How long each of many answers took, and the figures that stand for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.benchmarks.peers.figures import OURS, Figure, print_line
from tests.benchmarks.peers.measure import Row

RATE = 100
"""Answers a second."""

FEWEST = 10
"""Answers of a repeat, however short."""

Committed = dict[str, float]
"""By request when its answer was committed, as `time.monotonic` says in every process."""


def rate_of(committed: Committed) -> float:
    """Return how many answers a second there really were."""
    taken = max(committed.values()) - min(committed.values())
    return (len(committed) - 1) / taken if taken else 0.0


def slowness(rate: float, store: str) -> str:
    """Return what has to be said where the answers came slower than they should have."""
    return "" if rate >= 0.95 * RATE else f" There were only {rate:.0f}/s on {store}."


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that so many per cent of them do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * part / 100) - 1)]


def tell(row: Row, repeats: Sequence[Sequence[float]], aims: dict[int, float], note: str) -> None:
    """Print a figure for each percentile, of all repeats together, in ms."""
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
                aim=aim,
                note=note,
            )
        )
