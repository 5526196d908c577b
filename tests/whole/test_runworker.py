"""`manage.py runworker workflows` as a process of its own beside the one that starts runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.server import PATIENCE, ROOT, environment, eventually

NOBODY_LISTENS = "redis://127.0.0.1:1"  # a port that no Redis has


def manage(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def runs(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads(manage(folder, "runs", "--json")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manage(tmp_path, "migrate", "--verbosity", "0")
    return tmp_path


@pytest.fixture(params=["", NOBODY_LISTENS], ids=["in-memory layer", "Redis is away"])
def worker(request: pytest.FixtureRequest, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "worker.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "runworker", "workflows"],
            cwd=ROOT, env=environment(folder, REDIS_URL=request.param), stdout=log, stderr=log,
        )  # fmt: skip
    yield process
    process.kill()
    process.wait()


def test_it_drives_runs_without_hearing_a_bell_and_drains(
    folder: Path, worker: subprocess.Popen[bytes]
) -> None:
    manage(folder, "start_run", "assistant", "--input", '{"text": "A good text."}')
    eventually(lambda: runs(folder)[0]["status"] == "waiting", "the run asks its question")
    assert runs(folder)[0]["open_requests"] == 1
    worker.terminate()
    said = (folder / "worker.txt").read_text
    assert worker.wait(PATIENCE) == 0, said()
    assert "The worker stopped." in said()
    assert ("looks into SQLite once a second" in said()) != ("The channel layer failed" in said())
