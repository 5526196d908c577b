"""The time for a page of the inbox with very many pending and ended requests."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace

from tests.benchmarks import loan


def options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--finished", type=int, default=1_000_000)
    return parser.parse_args()


def main() -> None:
    """Use large tables of the store that BENCH_STORE names, and measure in a process on them."""
    asked, store = options(), os.environ["BENCH_STORE"]
    repeats = ["--repeats", str(asked.repeats), "--seconds", str(asked.seconds)]
    script = [sys.executable, "-m", "tests.benchmarks.script", "views", *repeats]
    with loan.borrowed(store, asked.waiting, asked.finished) as environment:
        subprocess.run(script, env=environment | {"BENCH_STORE": store}, check=True)


if __name__ == "__main__":
    main()
