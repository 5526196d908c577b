"""The warning of `manage.py check` if processes cannot send messages to each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, environment

NOBODY = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}  # a check does not connect
REDIS = {"REDIS_URL": "redis://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("given", "warned"),
    [({}, False), (NOBODY, True), (NOBODY | REDIS, False)],
    ids=["embedded", "PostgreSQL alone", "PostgreSQL and Redis"],
)
def test_a_database_for_many_processes_needs_redis(
    tmp_path: Path, given: dict[str, str], warned: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT, env=environment(tmp_path, **given), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ("workflows.W001" in done.stderr) is warned
    assert ("do not cross processes" in done.stderr) is warned
