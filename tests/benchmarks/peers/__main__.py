"""`python -m tests.benchmarks.peers`: make the environments, run the scripts, print the table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from tests.benchmarks.large import environment, in_schema
from tests.benchmarks.peers import environments, store, table
from tests.benchmarks.peers.figures import OURS, Figure, write_file
from tests.benchmarks.peers.turns import STORES, Script, side_by_side

PEERS = ("llama", "langgraph", "dbos")
ROOT = Path("var/bench")


def say(text: str) -> None:
    """Print a line at once, so that the progress can be seen."""
    print(text, flush=True)  # noqa: T201 - a command's output


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    parser.add_argument("--peer", action="append", choices=PEERS, help="only this peer")
    parser.add_argument("--row", action="append", default=[], help="only this row")
    return parser.parse_args()


@contextmanager
def opened(asked: argparse.Namespace, wrong: list[str]) -> Iterator[list[Script]]:
    """Start the scripts, each in its own environment; add those that fail to `wrong`."""
    with ExitStack() as stack:
        scripts = []
        for name in asked.peer or PEERS:
            try:
                say(f"{name}: looking after its environment ...")
                python = environments.python_of(name, (ROOT / "peers").absolute())
            except RuntimeError as error:
                wrong.append(str(error))
                continue
            folder = (ROOT / "peers" / "rows" / name).absolute()
            schema = f"peer_{name}"
            command = [str(python), str(environments.script(name))]
            stack.enter_context(store.packages(folder, schema))
            place = ["--folder", str(folder), "--schema", schema]
            scripts.append(script(name, [*command, *place], folder, surroundings(), asked))
            stack.callback(scripts[-1].end)
        for kind in STORES:
            if kind == "postgresql" and not store.database():
                continue
            folder, schema = (ROOT / "peers" / "rows" / kind).absolute(), f"peer_{OURS}_{kind}"
            stack.enter_context(store.packages(folder, schema))
            command = [sys.executable, "-m", "tests.benchmarks.ours"]
            url = in_schema(schema) if kind == "postgresql" else ""
            env = environment(url, folder) | {"BENCH_STORE": kind}
            scripts.append(script(f"{OURS} {kind}", command, Path.cwd(), env, asked))
            stack.callback(scripts[-1].end)
        yield scripts


def script(
    name: str, command: list[str], folder: Path, env: dict[str, str], asked: argparse.Namespace
) -> Script:
    """Start one script."""
    given = ["--repeats", str(asked.repeats), "--seconds", str(asked.seconds)]
    rows = [f"--row={row}" for row in asked.row]
    return Script(name, [*command, *given, *rows], folder, env, ROOT / "peers" / f"{name}.log")


def surroundings() -> dict[str, str]:
    """Return the environment of a peer's script, without the variables of this project."""
    ours = ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", store.VARIABLE)
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | ({store.VARIABLE: store.database()} if store.database() else {})


def measure(asked: argparse.Namespace) -> tuple[list[Figure], list[str]]:
    """Measure all peers in turns; return the figures and the errors."""
    found: list[Figure] = []
    wrong: list[str] = []
    try:
        with opened(asked, wrong) as scripts:
            for figure in side_by_side(scripts, wrong):
                say(f"{figure.peer}: {figure}")
                found.append(figure)
    except psycopg.Error as error:
        wrong.append(str(error))
    for reported in wrong:
        say(reported)
    return found, wrong


def main() -> int:
    asked, began = options(), time.monotonic()
    load, cores = os.getloadavg()[0], os.cpu_count()
    say(f"{cores} cores, load {load:.1f}, Python {platform.python_version()}.")
    if not store.database():
        say(f"Without {store.VARIABLE}, rows on PostgreSQL are left out.")
    found, wrong = measure(asked)
    if found:
        taken_at = datetime.now(UTC).isoformat()
        write_file(ROOT / "peers.json", found, taken_at=taken_at, load=load, cores=cores)
        say("")
        peers = [one for one in found if one.peer != OURS]
        for line in table.lines(peers, [one for one in found if one.peer == OURS]):
            say(line)
    say(f"\nTook {time.monotonic() - began:.0f} s. Also in {ROOT / 'peers.json'}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
