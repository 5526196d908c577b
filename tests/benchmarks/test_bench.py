"""`make bench` with such small numbers that its figures have no meaning."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks import table
from tests.benchmarks.__main__ import PARTS
from tests.benchmarks.live.page import Socket
from tests.benchmarks.peers.figures import OURS, Figure, read_file
from tests.benchmarks.times import percentile
from tests.e2e.server import ROOT

TINY = ["--repeats", "1", "--seconds", "0.05", "--waiting", "20", "--old", "0", "--load", "5x5"]
SHARES = [["page", "start", "live"], ["ours", "counts", "latency", "rest", "growth", "inbox"]]
"""Parts that are measured side by side here, where the figures do not count."""

ROWS = {
    "commits a cycle", "statements a cycle", "thread hops a cycle",
    "engine steps", "engine runs", "in-memory cycle", "durable cycle", "durable steps",
    "latency p50", "latency p99", "page p50", "page p99", "calm page p50", "at rest", "after 0",
    "start-up", "inbox", "inbox workflow", "inbox mine", "inbox search", "inbox of all",
    "request", "answered", "attention", "attention of all",
    *(f"live 5/s {row}" for row in ("decide p50", "decide p99", "shown p50", "shown p99", "cpu")),
    "live 5/s memory",
}  # fmt: skip


NEAR_ZERO = {"at rest", "live 5/s cpu", "live 5/s memory"}


class Run:
    """One `python -m tests.benchmarks` with some of the parts."""

    def __init__(self, parts: list[str], folder: Path) -> None:
        self.folder = folder
        asked = [f"--part={part}" for part in parts]
        foreign = {"BENCH_DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
        clean = {name: value for name, value in os.environ.items() if name not in foreign}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks", *TINY, *asked],
            cwd=ROOT, env=clean | {"BENCH_ROOT": str(folder)}, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def finish(self) -> str:
        """Return its output."""
        output, _ = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, output
        return output

    def end(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    started = [Run(parts, tmp_path / parts[0]) for parts in SHARES]
    yield started
    for run in started:
        run.end()


def test_every_row_is_measured_printed_and_stored(runs: list[Run]) -> None:
    found: list[Figure] = []
    for run in runs:
        _, _, drawn = run.finish().partition(table.LINE.format(*table.HEAD).rstrip())
        kept = read_file(run.folder / "bench.json")
        for figure in kept:
            lines = [line for line in drawn.splitlines() if line.startswith(f"{figure.row} ")]
            assert any(figure.unit in line.split() for line in lines), f"{figure.row} is missing"
        found += kept
    assert {figure.row for figure in found} == ROWS
    assert all(figure.figure > 0 for figure in found if figure.row not in NEAR_ZERO)
    assert all(figure.peer == OURS for figure in found)
    assert sorted(part for share in SHARES for part in share) == sorted(PARTS)


def cost(**other: object) -> Figure:
    usual: dict[str, object] = {
        "row": "latency p50", "peer": OURS, "version": "", "store": "sqlite", "at_once": 1,
        "figure": 9.04, "unit": "ms", "repeats": [9.04], "aim": 15.0,
    }  # fmt: skip
    return Figure(**(usual | other))  # type: ignore[arg-type]


def test_less_time_is_better_and_a_higher_rate_is_better() -> None:
    assert not cost().misses
    assert cost(figure=15.1).misses
    assert cost(unit="cycles/s").misses
    assert not cost(unit="cycles/s", figure=15.0).misses
    assert not cost(aim=None, figure=99.0).misses


def test_a_line_shows_the_target_and_a_share_only_for_rates() -> None:
    limits = {("sqlite", 1): 100.0}
    slow = cost(figure=1234.5, note="from here to there.", uneven="it rained.")
    work = cost(row="after 20", unit="cycles/s", figure=50.0)
    _, first, second, third, _, note, odd = table.lines([cost(), slow, work], limits, [])
    assert first.split()[2:] == ["sqlite", "1", "9.0", "ms", "-", "-", "15.0"]
    assert second.split()[4:] == ["1,234.5", "ms", "-", "-", "15.0", "missed"]
    assert third.split()[2:] == ["sqlite", "1", "50", "cycles/s", "50.0%", "-", "15"]
    assert note == "- latency p50: from here to there."
    assert odd == "- latency p50, sqlite: it rained."


def test_the_table_has_a_note_if_other_processes_used_the_processor() -> None:
    alone, crowded = (cost(store="memory", cores=cores) for cores in (0.95, 0.2))
    said = "\nIn memory it got as little as 0.20 of a core: no figure here says much."
    assert said not in table.lines([alone], {}, [])
    assert said in table.lines([alone, crowded], {}, [])


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99)) == (50.0, 99.0)
    assert percentile([3.0], 99) == 3.0


def test_a_socket_reads_messages_however_their_bytes_arrive() -> None:
    texts = [b"short", b"l" * 300, b"v" * 70_000, b""]
    frames = b"".join(frame(text) for text in texts)

    async def read(size: int) -> list[bytes]:
        received: list[bytes] = []
        socket = Socket(80, "/", "", received.append)
        for first in range(0, len(HANDSHAKE + frames), size):
            socket.data_received((HANDSHAKE + frames)[first : first + size])
        await socket.opened
        return received

    assert all(asyncio.run(read(size)) == texts for size in (7, 1000, 10**6))


HANDSHAKE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(text: bytes) -> bytes:
    """Return the frame of a server's message."""
    if len(text) < 126:
        return bytes([0x81, len(text)]) + text
    marker, size = (126, 2) if len(text) < 2**16 else (127, 8)
    return bytes([0x81, marker]) + len(text).to_bytes(size, "big") + text
