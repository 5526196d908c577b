"""Measures whether a durable cycle takes the same time with any number of ended runs.

Sites on tables of different sizes run at the same time and measure in turns, so that other work of
the machine affects all of them.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
from argparse import ArgumentParser, Namespace

from tests.benchmarks import loan
from tests.benchmarks.peers.figures import OURS, Figure, print_line

OLD = [0, 100_000, 1_000_000]
LANES = 32
AIM = 0.85
"""The smallest allowed share of the figure with the fewest old runs."""


def options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    parser.add_argument("--old", type=int, nargs="*", default=OLD, help="so many are over")
    return parser.parse_args()


class Turns:
    """A site on tables of one size, in a separate process."""

    def __init__(self, environment: dict[str, str], seconds: float) -> None:
        self.figures: list[float] = []
        script = ["-m", "tests.benchmarks.script", "turns", "--seconds", str(seconds)]
        self._process = subprocess.Popen(
            [sys.executable, *script],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def take(self) -> float:
        """Measure once, and return the figure."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def leave(self) -> None:
        """End the process, and wait for it."""
        self._process.communicate()


def measure(store: str, asked: Namespace) -> dict[int, list[float]]:
    """Return the figures of each size, measured in turns. The first one of each only warms up."""
    with contextlib.ExitStack() as stack:
        sites: dict[int, Turns] = {}
        for old in asked.old:
            environment = stack.enter_context(loan.borrowed(store, 0, old))
            sites[old] = Turns(environment, asked.seconds)
            stack.callback(sites[old].leave)
        for site in sites.values():
            site.take()
        for _ in range(asked.repeats):
            for site in sites.values():
                site.figures.append(site.take())
        return {old: site.figures for old, site in sites.items()}


def main() -> None:
    """Measure on the store that BENCH_STORE names."""
    asked, store = options(), os.environ["BENCH_STORE"]
    found = measure(store, asked)
    least = statistics.median(found[asked.old[0]])
    for old, figures in found.items():
        print_line(
            Figure(
                row=f"after {old:,}",
                peer=OURS,
                version="",
                store=store,
                at_once=LANES,
                figure=round(statistics.median(figures), 1),
                unit="cycles/s",
                repeats=[round(one, 1) for one in figures],
                aim=round(least * AIM, 1) if old != asked.old[0] else None,
                note=f"durable cycles beside so many runs that are over; the aim is {AIM:.0%} of "
                f"the figure after {asked.old[0]:,}.",
            )
        )


if __name__ == "__main__":
    main()
