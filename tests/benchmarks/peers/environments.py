"""A virtual environment for each peer, because they cannot share that of this project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class NotInstalledError(RuntimeError):
    """A peer's packages could not be installed."""


def requirements(name: str) -> Path:
    """Return the file with the pinned versions of a peer."""
    return HERE / f"on_{name}.txt"


def script(name: str) -> Path:
    """Return the script of a peer."""
    return HERE / f"on_{name}.py"


def python_of(name: str, folder: Path) -> Path:
    """Return the interpreter of a peer's environment, made first if it is missing or old."""
    environment = folder / name
    python, made = environment / "bin" / "python", environment / "made.txt"
    wanted = requirements(name).read_text()
    if made.exists() and made.read_text() == wanted:
        return python
    shutil.rmtree(environment, ignore_errors=True)
    _call(name, sys.executable, "-m", "venv", str(environment))
    _call(
        name, str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--requirement", str(requirements(name)),
    )  # fmt: skip
    made.write_text(wanted)
    return python


def _call(name: str, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise NotInstalledError(f"The environment of {name} could not be made: {last[0]}")
