"""`manage.py runworker workflows` as a separate process from the one that starts runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import PATIENCE, ROOT, environment, eventually

MAKE_ALICE = """
from django.contrib.auth.models import User
User.objects.create_user("alice", password="demo")
"""
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


def test_it_runs_workflows_without_wakeups_and_drains(
    folder: Path, worker: subprocess.Popen[bytes]
) -> None:
    manage(folder, "start_run", "assistant", "--input", '{"text": "A good text."}')
    eventually(lambda: runs(folder)[0]["status"] == "waiting", "the run asks its question")
    assert runs(folder)[0]["open_requests"] == 1
    worker.terminate()
    said = (folder / "worker.txt").read_text
    assert worker.wait(PATIENCE) == 0, said()
    assert "The worker stopped." in said()
    assert ("polls SQLite once a second" in said()) != ("The channel layer failed" in said())


def test_without_debug_it_refuses_to_start_with_a_demo_password(
    folder: Path,
) -> None:
    manage(folder, "shell", "--verbosity", "0", "--command", MAKE_ALICE)
    strict = environment(folder, DEBUG="0", SECRET_KEY="Zx8-only-this-test-knows-it-4qLw91")
    for command, status, said in (
        (["runworker", "workflows"], 1, "These accounts still have the demo password: alice."),
        (["check", "--deploy"], 1, "The account alice still has the demo password."),
    ):
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=strict, capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        assert said in done.stderr
        assert "channel layer failed" not in done.stderr
        assert "Traceback" not in done.stderr
