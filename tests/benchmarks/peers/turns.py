"""Scripts that measure in turns: one does a repeat while the others wait.

A rented machine may be twice as fast a second later. In this way it affects all of them alike.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.benchmarks.peers.figures import Figure, FigureError, Work, read_line
from tests.benchmarks.peers.measure import UNITS

LONGEST = 120.0
"""Seconds after which a script that hangs is ended."""

STORES = ("memory", "sqlite", "postgresql")
ROWS = tuple(UNITS)


class Script:
    """One process that measures. `next` is its next work, or None at the end."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, env: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.next: Work | None = None
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [*command, "--turns"], cwd=folder, env=env, text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def go(self) -> Iterator[Figure]:
        """Let the script do one repeat and wait before the next; yield the figures that it prints.

        Raise `RuntimeError` if it fails or hangs, `FigureError` if it prints something else.
        """
        watch = threading.Timer(LONGEST, self._process.kill)
        watch.start()
        try:
            if self.next is not None:
                self._process.send_signal(signal.SIGCONT)
                print(file=self._pipe(self._process.stdin))
            yield from self._read()
        finally:
            watch.cancel()

    def _read(self) -> Iterator[Figure]:
        for line in self._pipe(self._process.stdout):
            if (work := next_of(line)) is not None:
                self.next = work
                self._process.send_signal(signal.SIGSTOP)
                return
            yield read_line(line)
        self.next = None
        if self._process.wait():
            raise RuntimeError(f"The script of {self.name} failed, see {self._log}.")

    def end(self) -> None:
        """End the process."""
        self.next = None
        self._process.kill()
        self._process.communicate()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def next_of(line: str) -> Work | None:
    """Return the next work that a script announces, or None if the line is something else."""
    try:
        row, store, at_once = json.loads(line)["next"]
    except (ValueError, TypeError, KeyError):
        return None
    return row, store, at_once


def side_by_side(scripts: Sequence[Script], wrong: list[str]) -> Iterator[Figure]:
    """Yield the figures of all scripts, one piece of work after another. Add errors to `wrong`."""
    for script in scripts:
        yield from _turn(script, wrong)
    while left := [script.next for script in scripts if script.next is not None]:
        work = min(left, key=lambda one: (STORES.index(one[1]), ROWS.index(one[0]), one[2]))
        for script in scripts:
            if script.next == work:
                yield from _turn(script, wrong)


def _turn(script: Script, wrong: list[str]) -> Iterator[Figure]:
    try:
        yield from script.go()
    except (RuntimeError, FigureError, OSError) as error:
        script.end()
        wrong.append(str(error))
