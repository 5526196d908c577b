"""The gallery as a running server, without DEBUG and without a worker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.private_servers import Process, free_port, serves
from tests.e2e.screenshots import PASSWORD
from tests.e2e.server import ROOT, environment, eventually

STRICT = {
    "DJANGO_SETTINGS_MODULE": "tests.e2e.screenshots.settings",
    "DEBUG": "0",  # with DEBUG an error page would be that of Django
    "SECRET_KEY": "that-of-a-gallery-which-nobody-else-uses-0123456789",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECURE_SSL_REDIRECT": "0",
    "SESSION_COOKIE_SECURE": "0",
    "CSRF_COOKIE_SECURE": "0",
}


class Gallery:
    """A server whose rows do not change; `places` are the addresses of its pages by name."""

    password = PASSWORD

    def __init__(self, folder: Path, rows: str = "create_all_rows") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(folder, **STRICT)
        self._made = folder / "places.json"
        self._manage("migrate", "--verbosity", "0")
        self._manage("collectstatic", "--no-input", "--verbosity", "0")
        code = f"from tests.e2e.screenshots import rows; rows.{rows}({str(self._made)!r})"
        self._manage("shell", "--verbosity", "0", "--command", code)
        self.places: dict[str, str] = json.loads(self._made.read_text())
        command = [sys.executable, "-m", "workflows.server.web_server", "-p", str(self.port)]
        self.server = Process(folder / "server.txt", [*command, "blazen_site.asgi:application"])
        self.server.env = self.env

    def start(self) -> None:
        """Start the server and wait until it responds."""
        self.server.start()
        eventually(lambda: serves(self.port), f"the gallery answers:\n{self.server.output}")

    def _manage(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@contextmanager
def gallery(folder: Path, rows: str = "create_all_rows") -> Iterator[Gallery]:
    """Yield the running gallery in `folder`, and stop it."""
    shown = Gallery(folder, rows)
    try:
        shown.start()
        yield shown
    finally:
        shown.server.kill()
