"""`make bench`: this project's figures, each beside the limit of the machine in the same run."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import limits
from tests.benchmarks.peers import figures, store

ROOT = Path("var/bench")
STORES = ("memory", "sqlite", "postgresql")
SCHEMA = "bench"


def say(text: str = "") -> None:
    """Print a line at once, so that it can be followed."""
    print(text, flush=True)  # noqa: T201 - a command's output


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    parser.add_argument("--store", action="append", choices=STORES, help="only this store")
    return parser.parse_args()


def measured(name: str, asked: argparse.Namespace) -> Iterator[figures.Figure]:
    """Measure the rows of one store in a process of its own, on empty tables."""
    folder = (ROOT / "ours").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
        "BENCH_FOLDER": str(folder),
        "BENCH_STORE": name,
        "BENCH_STORE_URL": in_schema(store.database()) if name == "postgresql" else "",
    }
    command = [
        sys.executable, "-m", "tests.benchmarks.ours",
        "--repeats", str(asked.repeats), "--seconds", str(asked.seconds),
    ]  # fmt: skip
    with store.rooms(folder, SCHEMA):
        script = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        assert script.stdout
        try:
            yield from map(figures.read_line, script.stdout)
            if script.wait():
                raise RuntimeError(f"The rows on {name} failed.")
        finally:
            script.kill()
            script.wait()


def in_schema(url: str) -> str:
    """Return the address with the schema that is made anew for each run."""
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}options=-c%20search_path%3D{SCHEMA}"


def machine() -> dict[tuple[str, int], float]:
    """Return the limits by store and by how many work at once."""
    ROOT.mkdir(parents=True, exist_ok=True)
    one = limits.sqlite_commits(ROOT)
    found = {("sqlite", 1): one, ("sqlite", 32): one}
    if url := store.database():
        found["postgresql", 1] = limits.postgresql_commits(url, 1)
        found["postgresql", 32] = limits.postgresql_commits(url, 8)
    return found


def lines(
    found: Sequence[figures.Figure],
    limit: dict[tuple[str, int], float],
    peers: Sequence[figures.Figure],
) -> Iterator[str]:
    """Draw the table: each figure, its share of the limit, and its ratio to the best peer."""
    best = figures.best_of(peers)
    head = ("row", "store", "at once", "figure", "", "of limit", "x peer")
    yield "{:16} {:11} {:>7} {:>10} {:9} {:>9} {:>7}".format(*head)
    for one in found:
        most, peer = limit.get((one.store, one.at_once)), best.get(one.work)
        share = f"{one.figure / most:.1%}" if most else "-"
        ratio = f"{one.figure / peer.figure:.1f}" if peer and peer.figure else "-"
        yield (
            f"{one.row:16} {one.store:11} {one.at_once:7} {one.figure:10,.0f} {one.unit:9} "
            f"{share:>9} {ratio:>7}"
        )


def main() -> int:
    """Measure, print the table and keep it as JSON."""
    asked, began = options(), time.monotonic()
    facts = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    say(f"{facts['cores']} cores, load {facts['load']:.1f}, Python {platform.python_version()}.")
    if not store.database():
        say(f"Without {store.VARIABLE}, rows on PostgreSQL are left out.")
    limit = machine()
    for (name, at_once), most in limit.items():
        say(f"limit of {name}, {at_once} at once: {most:,.0f} commits/s")
    found: list[figures.Figure] = []
    for name in asked.store or STORES:
        if name == "postgresql" and not store.database():
            continue
        for figure in measured(name, asked):
            say(str(figure))
            found.append(figure)
    kept = {f"{name} {at_once}": most for (name, at_once), most in limit.items()}
    taken_at = datetime.now(UTC).isoformat()
    figures.write_file(ROOT / "bench.json", found, taken_at=taken_at, limits=kept, **facts)
    say()
    for line in lines(found, limit, figures.read_file(ROOT / "peers.json")):
        say(line)
    say(f"\nTook {time.monotonic() - began:.0f} s. Also in {ROOT / 'bench.json'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
