"""`make bench`: the figures of this project, with the limit of the machine for comparison."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.benchmarks import limits, table
from tests.benchmarks.large import ROOT, environment, in_schema
from tests.benchmarks.peers import figures, store
from tests.benchmarks.peers.turns import STORES

SCHEMA = "bench"
PARTS = {
    "ours": STORES,
    "counts": STORES[1:],
    "latency": STORES[1:],
    "page": STORES[1:],
    "live": STORES[1:],
    "rest": STORES[1:],
    "growth": STORES[1:],
    "inbox": STORES[1:],
    "start": ("sqlite",),
}
"""The modules that measure, with their stores. Each runs in a separate process."""

MODELS = {"counts", "latency"}
"""The modules that need Django to be set up when they are imported."""


def say(text: str = "") -> None:
    """Print a line at once, so that the progress can be seen."""
    print(text, flush=True)  # noqa: T201 - a command's output


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    parser.add_argument("--store", action="append", choices=STORES, help="only this store")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part")
    parser.add_argument("--waiting", type=int, default=100_000, help="runs at rest, requests")
    parser.add_argument("--old", type=int, nargs="*", default=[0, 100_000, 1_000_000])
    parser.add_argument("--load", nargs="*", default=[], help="open pages x decisions/s: 300x5")
    return parser.parse_args()


def command(part: str, asked: argparse.Namespace) -> list[str]:
    """Return the command line of one part."""
    script = ["script", part] if part in MODELS else [part]
    given = ["--repeats", str(asked.repeats), "--seconds", str(asked.seconds)]
    if part == "rest":
        given += ["--waiting", str(asked.waiting)]
    if part == "growth":
        given += ["--old", *map(str, asked.old)]
    if part == "inbox":
        given += ["--waiting", str(asked.waiting), "--finished", str(max(asked.old, default=0))]
    if part == "live" and asked.load:
        given += ["--load", *asked.load]
    return [sys.executable, "-m", f"tests.benchmarks.{script[0]}", *script[1:], *given]


def measured(part: str, kind: str, asked: argparse.Namespace) -> Iterator[figures.Figure]:
    """Measure the rows of one part on one store, in a separate process with empty tables."""
    folder = (ROOT / "ours").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    url = in_schema(SCHEMA) if kind == "postgresql" else ""
    env = environment(url, folder) | {"BENCH_STORE": kind}
    with store.packages(folder, SCHEMA):
        script = subprocess.Popen(command(part, asked), stdout=subprocess.PIPE, text=True, env=env)
        assert script.stdout
        try:
            yield from map(figures.read_line, script.stdout)
            if script.wait():
                raise RuntimeError(f"The part {part!r} on {kind} failed.")
        finally:
            script.kill()
            script.wait()


def machine(seconds: float) -> dict[tuple[str, int], float]:
    """Return the limits by store and number of clients, each measured for `seconds`."""
    ROOT.mkdir(parents=True, exist_ok=True)
    one = limits.sqlite_commits(ROOT, seconds)
    found = {("sqlite", 1): one, ("sqlite", 32): one}
    if url := store.database():
        found["postgresql", 1] = limits.postgresql_commits(url, 1, seconds)
        found["postgresql", 32] = limits.postgresql_commits(url, 8, seconds)
    return found


def measure(asked: argparse.Namespace) -> Iterator[figures.Figure]:
    """Measure one part after the other, and print which one is measured."""
    for part, kinds in PARTS.items():
        if asked.part and part not in asked.part:
            continue
        for kind in kinds:
            if kind not in (asked.store or STORES):
                continue
            if kind == "postgresql" and not store.database():
                continue
            say(f"{part} on {kind} ...")
            yield from measured(part, kind, asked)


def main() -> int:
    """Measure, print the table, and store it as JSON."""
    asked, began = options(), time.monotonic()
    facts = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    say(f"{facts['cores']} cores, load {facts['load']:.1f}, Python {platform.python_version()}.")
    if not store.database():
        say(f"Without {store.VARIABLE}, rows on PostgreSQL are left out.")
    limit = machine(min(1.0, asked.seconds))
    for (kind, at_once), most in limit.items():
        say(f"limit of {kind}, {at_once} at once: {most:,.0f} commits/s")
    found: list[figures.Figure] = []
    for figure in measure(asked):
        say(f"  {time.monotonic() - began:4.0f} s  {figure}")
        found.append(figure)
    kept = {f"{kind} {at_once}": most for (kind, at_once), most in limit.items()}
    taken_at = datetime.now(UTC).isoformat()
    figures.write_file(ROOT / "bench.json", found, taken_at=taken_at, limits=kept, **facts)
    say()
    for line in table.lines(found, limit, figures.read_file(ROOT / "peers.json")):
        say(line)
    say(f"\nTook {time.monotonic() - began:.0f} s. Also in {ROOT / 'bench.json'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
