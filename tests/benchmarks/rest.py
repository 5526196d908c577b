"""The memory that a waiting run needs in a worker. It should be none, because it is only rows.

Workers in new processes poll tables without waiting runs, and tables with very many of them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from argparse import ArgumentParser, Namespace

from tests.benchmarks import loan
from tests.benchmarks.peers.figures import OURS, Figure, print_line

AIM = 8.0  # bytes; less than a pointer, so there is no object for each run


def options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5, help="workers on each of the tables")
    parser.add_argument("--seconds", type=float, default=1.7)
    parser.add_argument("--waiting", type=int, default=100_000)
    return parser.parse_args()


def workers(environment: dict[str, str], asked: Namespace) -> list[int]:
    """Return the memory of several workers on these tables. They run at the same time."""
    script = ["-m", "tests.benchmarks.script", "worker", "--seconds", str(asked.seconds)]
    started = [
        subprocess.Popen(
            [sys.executable, *script], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(asked.repeats)
    ]
    try:
        return [int(one.communicate()[0]) for one in started]
    finally:
        for one in started:
            one.kill()
            one.wait()


def main() -> None:
    """Compare the workers on the store that BENCH_STORE names."""
    asked, store = options(), os.environ["BENCH_STORE"]
    with loan.borrowed(store, 0, 0) as empty, loan.borrowed(store, asked.waiting, 0) as full:
        without, beside = workers(empty, asked), workers(full, asked)
    usual = statistics.median(without)
    repeats = [(one - usual) / asked.waiting for one in beside]
    print_line(
        Figure(
            row="at rest",
            peer=OURS,
            version="",
            store=store,
            at_once=asked.waiting,
            figure=round(statistics.median(repeats), 1),
            unit="bytes",
            repeats=[round(one, 1) for one in repeats],
            aim=AIM,
            uneven=f"beside none it held {usual / 2**20:.0f} MiB.",
            note="of a worker's memory for each waiting run. SQLite's cache of pages, 2 MB at most "
            "however many wait, is in it.",
        )
    )


if __name__ == "__main__":
    main()
