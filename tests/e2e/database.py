"""Access of a test to a server's database, through a process with the environment of the server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.server import ROOT, ServeProcess, environment


class Database:
    """The database of the data folder `folder`; `url` is empty for the SQLite file in it."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder = folder
        self.url = url

    def serve(self, port: int = 0) -> ServeProcess:
        """Start a server on this database, without waiting for it."""
        return ServeProcess(self.folder, "--noreload", port=port, DATABASE_URL=self.url)

    def start(self, count: int, claims: Path) -> None:
        """Start this number of runs of `expenses` with the file `claims`, as the admin."""
        self._call(f"rows.start({count}, {str(claims)!r})")

    def statuses(self) -> dict[str, str]:
        """Return the status of every run, by id."""
        return dict(self._ask("statuses"))

    def facts(self) -> dict[str, Any]:
        """Return all rows that the audit compares."""
        return dict(self._ask("facts"))

    def _ask(self, name: str) -> Any:
        path = self.folder / f"{name}.json"
        self._call(f"rows.{name}({str(path)!r})")
        return json.loads(path.read_text())

    def _call(self, code: str) -> None:
        code = f"from tests.e2e import rows; {code}"
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", code],
            cwd=ROOT, env=environment(self.folder, DATABASE_URL=self.url),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
