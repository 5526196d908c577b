"""A real server as a process, with its own data folder and port."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.cookies import SimpleCookie
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds to wait for a condition before the test fails


def eventually(condition: Callable[[], object], what: str, within: float = PATIENCE) -> None:
    """Wait until the condition is true; fail with `what` if it never is."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"this did not become true: {what}"
        time.sleep(0.02)


def say(text: str) -> None:
    """Print a line at once. pytest shows it with `-s`, and captures it otherwise."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """Return the environment of a developer, with the data in `folder`."""
    foreign = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "PORT"}
    clean = {name: value for name, value in os.environ.items() if name not in foreign}
    # In tests one person starts more runs than the limits for a person allow.
    return clean | {"DATA_DIR": str(folder), "DEBUG": "1", "STARTS_PER_MINUTE": "0"} | extra


@cache
def _migrated() -> TemporaryDirectory[str]:
    """Return a data folder whose database has empty tables. It is made once in each process."""
    made = TemporaryDirectory(prefix="migrated-")
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment(Path(made.name)), check=True)
    return made


class ServeProcess:
    """`manage.py serve` on a free port. Its output is collected in a file.

    Unless this is a first start, its SQLite file already has tables.
    """

    password = "demo"

    def __init__(
        self, folder: Path, *options: str, port: int = 0, root: Path = ROOT,
        is_first: bool = False, **extra: str,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        file = folder / "db.sqlite3"
        if not (is_first or file.exists() or extra.get("DATABASE_URL")):
            shutil.copyfile(Path(_migrated().name) / file.name, file)
        self._log = folder / f"output-{time.monotonic_ns()}.txt"
        command = [sys.executable, "manage.py", "serve", "--port", str(port), *options]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=root, env=environment(folder, **extra), stdout=log, stderr=log
            )

    @property
    def output(self) -> str:
        """Return the output of the process so far."""
        return self._log.read_text(errors="replace")

    @property
    def port(self) -> int:
        """Return the port that the process printed last, or 0."""
        found = re.findall(r"Serving http://127\.0\.0\.1:(\d+)/", self.output)
        return int(found[-1]) if found else 0

    @property
    def url(self) -> str:
        """Return the address of the pages, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def wait_until_healthy(self) -> ServeProcess:
        """Wait until pages are served; fail with the output if the process ends instead."""
        eventually(self._is_healthy, "the server answers /healthz")
        return self

    def wait_until_it_ends(self) -> int:
        """Return the exit code of a process that should end by itself, or got a signal to end."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"The server did not end:\n{self.output}") from None

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_until_it_ends()

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        self.process.wait()

    def _is_healthy(self) -> bool:
        assert self.process.poll() is None, f"The server ended:\n{self.output}"
        try:
            return bool(self.port) and Person(self.port).get("/healthz")[0] == 200
        except OSError:
            return False


class Person:
    """A simple HTTP client: it keeps cookies and does not follow redirects."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}
        self.headers: dict[str, str] = {}  # the headers that a proxy would add

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        return self._ask("GET", path, None)

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form and return the status and the text of the response."""
        return self._ask("POST", path, self.form(**fields))

    def log_in(self, name: str, password: str = "demo") -> int:
        """Log in and return the status: 302 if the password is right."""
        self.get("/accounts/login/")
        return self.post("/accounts/login/", username=name, password=password)[0]

    def form(self, **fields: str) -> str:
        """Return the body of a form, with the CSRF token."""
        return urlencode({**fields, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")})

    @contextmanager
    def asking(
        self, method: str, path: str, body: str | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield the response when its status has arrived; the text may arrive later."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        cookies = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        headers = {"Cookie": cookies, **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            for line in response.headers.get_all("Set-Cookie") or []:
                self.cookies.update({name: one.value for name, one in SimpleCookie(line).items()})
            yield response
        finally:
            connection.close()

    def _ask(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        with self.asking(method, path, body) as response:
            return response.status, response.read().decode()
