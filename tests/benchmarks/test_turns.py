"""Scripts that measure in turns, replaced by a few lines of Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from textwrap import dedent

import pytest

from tests.benchmarks.peers import turns
from tests.benchmarks.peers.measure import __file__ as measure
from tests.benchmarks.peers.turns import Script, side_by_side

Start = Callable[..., Script]

PLAY = """
    import asyncio, sys
    sys.path.insert(0, {folder!r})
    from measure import Bench, Row

    async def work():
        await asyncio.sleep(0)
        with open({record!r}, "a") as record:
            record.write("{name} ")

    async def main():
        bench = Bench("{name}", "pytest")
        for row, store in {rows!r}:
            await bench.batches(Row(row, 1, store), work, 1)
        {end}

    asyncio.run(main())
"""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record"


@pytest.fixture
def start(tmp_path: Path, record: Path) -> Iterator[Start]:
    """Return a function that starts a script with these rows. The script records what it does."""
    started: list[Script] = []

    def begin(name: str, *rows: tuple[str, str], end: str = "pass") -> Script:
        play = dedent(PLAY).format(
            folder=str(Path(measure).parent), record=str(record), name=name, rows=rows, end=end
        )
        command = [sys.executable, "-c", play, "--repeats", "2", "--seconds", "0.01"]
        started.append(Script(name, command, tmp_path, os.environ, tmp_path / f"{name}.log"))
        return started[-1]

    yield begin
    for script in started:
        script.end()


def test_all_scripts_do_a_repeat_of_the_same_work_before_the_next_repeat(
    start: Start, record: Path
) -> None:
    wrong: list[str] = []
    both = [("engine steps", "memory"), ("durable cycle", "sqlite")]
    scripts = [start("a", *both), start("b", *both), start("c", both[1])]
    found = [(one.row, one.peer) for one in side_by_side(scripts, wrong)]
    assert found == [
        ("engine steps", "a"), ("engine steps", "b"),
        ("durable cycle", "a"), ("durable cycle", "b"), ("durable cycle", "c"),
    ]  # fmt: skip
    turns_taken = [name for name, _ in groupby(record.read_text().split())]
    assert turns_taken == ["a", "b"] * 3 + ["a", "b", "c"] * 3
    assert not wrong


def test_a_script_that_fails_is_named_and_the_others_continue(start: Start) -> None:
    wrong: list[str] = []
    row = ("engine steps", "memory")
    scripts = [start("broken", row, end="raise SystemExit(3)"), start("sound", row)]
    assert [one.peer for one in side_by_side(scripts, wrong)] == ["broken", "sound"]
    assert [reported.split(" failed")[0] for reported in wrong] == ["The script of broken"]


def test_a_line_that_is_not_a_figure_ends_only_its_script(start: Start) -> None:
    wrong: list[str] = []
    row = ("engine steps", "memory")
    scripts = [start("chatty", row, end="print('hello', flush=True)"), start("sound", row)]
    assert [one.peer for one in side_by_side(scripts, wrong)] == ["chatty", "sound"]
    assert len(wrong) == 1
    assert "'hello'" in wrong[0]


def test_a_script_that_hangs_is_ended(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST", 2.0)
    wrong: list[str] = []
    script = start("stuck", ("engine steps", "memory"), end="await asyncio.Event().wait()")
    assert [one.peer for one in side_by_side([script], wrong)] == ["stuck"]
    assert len(wrong) == 1
