"""Reading, storing and comparing the figures of peers, without running the peers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.benchmarks.peers import environments, table
from tests.benchmarks.peers.__main__ import PEERS
from tests.benchmarks.peers.figures import (
    OURS,
    Figure,
    FigureError,
    best_of,
    ratios,
    read_file,
    read_line,
    write_file,
)
from tests.benchmarks.peers.measure import Bench, Clock, Row, Work


def figure(peer: str = "langgraph", **other: Any) -> Figure:
    usual: dict[str, Any] = {
        "row": "durable cycle",
        "peer": peer,
        "version": "1.2",
        "store": "sqlite",
        "at_once": 32,
        "figure": 60.0,
        "unit": "cycles/s",
        "repeats": [58.0, 60.0, 61.0],
    }
    return Figure(**(usual | other))


def bench(tmp_path: Path, **other: Any) -> Bench:
    """Return a `Bench` with very short repeats."""
    given = {"repeats": 3, "seconds": 0.01, "folder": tmp_path, "schema": "s", "row": [],
             "turns": False, **other}  # fmt: skip
    return Bench("nobody", "pytest", SimpleNamespace(**given))  # type: ignore[arg-type]


def test_a_line_that_a_script_prints_becomes_a_figure() -> None:
    line = json.dumps(asdict(figure(figure=1234.5)) | {"more": True})
    read = read_line(line)
    assert read.work == ("durable cycle", "sqlite", 32)
    assert read.figure == 1234.5


@pytest.mark.parametrize("line", ["", "warming up", "[]", '{"row": "engine steps"}'])
def test_the_error_quotes_a_line_that_is_not_a_figure(line: str) -> None:
    with pytest.raises(FigureError, match="not a figure"):
        read_line(line)


def test_a_file_has_the_figures_that_were_written(tmp_path: Path) -> None:
    kept = [figure(), figure("dbos", figure=20.0)]
    write_file(tmp_path / "new" / "peers.json", kept, load=0.1)
    assert read_file(tmp_path / "new" / "peers.json") == kept
    assert read_file(tmp_path / "none.json") == []


def test_the_best_peer_is_the_highest_of_the_same_work() -> None:
    other = figure("dbos", figure=90.0, store="postgresql")
    best = best_of([figure(), figure("llama", figure=70.0), other])
    assert [one.peer for one in best.values()] == ["llama", "dbos"]


def test_our_figure_is_compared_with_those_that_were_measured_in_turns() -> None:
    own = figure(OURS, figure=150.0)
    assert best_of([own, figure(figure=60.0)])[own.work].peer == "langgraph"
    assert ratios([own, figure(figure=60.0), figure("dbos", figure=20.0)]) == {own.work: 2.5}
    assert ratios([own]) == ratios([figure()]) == ratios([own, figure(figure=0.0)]) == {}


def test_the_table_has_a_line_for_each_work_and_a_column_for_each_peer() -> None:
    alone = figure("dbos", figure=1234.0, store="postgresql", repeats=[1234.0])
    head, *rows = list(table.lines([figure(), alone]))[:3]
    assert head.split("  ")[0] == "work"
    assert head.endswith("langgraph 1.2  dbos 1.2")
    assert [row.split()[-2:] for row in rows] == [["60", "-"], ["-", "1,234"]]


def test_our_own_figures_come_with_their_ratio_to_the_best_peer() -> None:
    peers = [figure(), figure("dbos", figure=20.0)]
    head, row, *_ = table.lines(peers, [figure(OURS, figure=300.0)])
    assert head.endswith("x best peer")
    assert row.split()[-2:] == ["300", "5.0"]
    _, row, *_ = table.lines([figure(figure=0.0)], [figure(OURS, figure=300.0)])
    assert row.split()[-2:] == ["300", "-"]


def test_the_table_has_notes_once_and_marks_unsteady_figures() -> None:
    unfair = figure(uneven="It has no inbox.")
    shaky = figure(uneven="It has no inbox.", store="postgresql", repeats=[20.0, 60.0, 90.0])
    lines = list(table.lines([unfair, shaky]))
    assert lines[2].endswith("60~")
    assert lines.count("- durable cycle, langgraph: It has no inbox.") == 1
    assert lines[1].endswith("60")
    assert lines[-3].startswith("~ the repeats")
    assert not any("~" in line for line in table.lines([unfair]))


def test_the_table_has_a_note_if_other_processes_used_the_processor() -> None:
    alone, crowded = (figure(store="memory", cores=cores) for cores in (0.95, 0.2))
    said = "In memory a script got as little as 0.20 of a core: all figures are too low."
    assert said not in table.lines([alone])
    assert said in table.lines([alone, crowded])


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_has_a_script_and_pins_the_versions_that_it_names(name: str) -> None:
    assert environments.script(name).exists()
    assert all("==" in line for line in environments.requirements(name).read_text().splitlines())


async def test_each_way_of_measuring_prints_one_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    def chain(clock: Clock) -> Work:
        async def run() -> None:
            for _ in range(100):
                await asyncio.sleep(0)
                if clock.tick():
                    return

        return run

    taking = bench(tmp_path)
    await taking.batches(Row("engine steps"), work, 10)
    await taking.cycles(Row("in-memory cycle", 3), work)
    await taking.steps(Row("durable steps", 2, "sqlite"), chain)
    read = [read_line(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.work for one in read] == [
        ("engine steps", "memory", 1),
        ("in-memory cycle", "memory", 3),
        ("durable steps", "sqlite", 2),
    ]
    assert all(one.figure > 0 and len(one.repeats) == 3 for one in read)
    assert all(one.cores > 0 for one in read)


async def test_a_row_that_was_not_selected_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> None:
        raise AssertionError("not asked for")

    taking = bench(tmp_path, row=["durable steps"])
    await taking.batches(Row("engine steps"), work, 1)
    assert capsys.readouterr().out == ""


def test_rows_on_postgresql_are_left_out_without_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENCH_DATABASE_URL", raising=False)
    assert [store for store, _ in bench(tmp_path).durable_stores()] == ["sqlite"]
    monkeypatch.setenv("BENCH_DATABASE_URL", "postgresql://somewhere/else")
    assert [store for store, _ in bench(tmp_path).durable_stores()] == ["sqlite", "postgresql"]
