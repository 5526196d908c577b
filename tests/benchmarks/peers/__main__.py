"""`python -m tests.benchmarks.peers`: make the environments, run the scripts, print the table."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from tests.benchmarks.peers import environments, figures, store, table

PEERS = ("llama", "langgraph", "dbos")
ROOT = Path("var/bench")
LONGEST = 600
"""Seconds after which a script that hangs is ended."""


def say(text: str) -> None:
    """Print a line at once, so that it can be followed."""
    print(text, flush=True)  # noqa: T201 - a command's output


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    parser.add_argument("--peer", action="append", choices=PEERS, help="only this peer")
    parser.add_argument("--row", action="append", default=[], help="only this row")
    return parser.parse_args()


def measured(name: str, python: Path, asked: argparse.Namespace) -> Iterator[figures.Figure]:
    """Run one peer's script and yield its figures as they come."""
    folder, schema = (ROOT / "peers" / "rows" / name).absolute(), f"peer_{name}"
    command = [
        str(python), str(environments.script(name)), "--folder", str(folder), "--schema", schema,
        "--repeats", str(asked.repeats), "--seconds", str(asked.seconds),
        *(f"--row={row}" for row in asked.row),
    ]  # fmt: skip
    log = ROOT / "peers" / f"{name}.log"
    with store.rooms(folder, schema), log.open("w") as errors:
        script = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=surroundings(),
        )
        watch = threading.Timer(LONGEST, script.kill)
        watch.start()
        try:
            assert script.stdout
            yield from map(figures.read_line, script.stdout)
            if script.wait():
                raise RuntimeError(f"The script of {name} failed, see {log}.")
        finally:
            watch.cancel()
            script.kill()
            script.wait()


def surroundings() -> dict[str, str]:
    """Return the variables that a peer's script sees, without what belongs to this project."""
    ours = ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", store.VARIABLE)
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | ({store.VARIABLE: store.database()} if store.database() else {})


def measure(asked: argparse.Namespace) -> tuple[list[figures.Figure], list[str]]:
    """Measure every peer in turn; return what was found, and what went wrong."""
    found: list[figures.Figure] = []
    wrong: list[str] = []
    for name in asked.peer or PEERS:
        try:
            say(f"{name}: looking after its environment ...")
            python = environments.python_of(name, (ROOT / "peers").absolute())
            for figure in measured(name, python, asked):
                say(f"{name}: {figure}")
                found.append(figure)
        except (RuntimeError, figures.FigureError, psycopg.Error) as error:
            wrong.append(str(error))
            say(str(error))
    return found, wrong


def main() -> int:
    asked, began = options(), time.monotonic()
    load, cores = os.getloadavg()[0], os.cpu_count()
    say(f"{cores} cores, load {load:.1f}, Python {platform.python_version()}.")
    if not store.database():
        say(f"Without {store.VARIABLE}, rows on PostgreSQL are left out.")
    found, wrong = measure(asked)
    if found:
        figures.write_file(
            ROOT / "peers.json",
            found,
            taken_at=datetime.now(UTC).isoformat(),
            load=load,
            cores=cores,
        )
        ours = figures.read_file(ROOT / "bench.json")
        say("")
        for line in table.lines(found, [one for one in ours if one.peer == figures.OURS]):
            say(line)
    say(f"\nTook {time.monotonic() - began:.0f} s. Also in {ROOT / 'peers.json'}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
