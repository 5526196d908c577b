"""Starts the commands of the Procfile as its runner would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.server import ROOT

LINES = (ROOT / "Procfile").read_text().splitlines()
COMMANDS = dict(re.findall(r"^([a-z]+): (.+)$", "\n".join(LINES), re.MULTILINE))


def environment_of_a_server(folder: Path, **extra: str) -> dict[str, str]:
    """Return the environment of a service manager, without that of the test."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL") if name in os.environ}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DATA_DIR": str(folder / "var"),
        "SECRET_KEY": "that-only-this-test-knows-7f3kq9x2wz",
        "ALLOWED_HOSTS": "127.0.0.1",
        "NLTK_DATA": os.environ.get("NLTK_DATA", ""),
    } | extra  # fmt: skip


def run_to_its_end(command: str, environment: dict[str, str]) -> None:
    """Run a command line, and fail with its output unless it succeeded."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def start(name: str, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the process of a line of the Procfile. Its output goes to a file."""
    with log.open("wb") as out:
        return subprocess.Popen(
            ["sh", "-c", COMMANDS[name]], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
