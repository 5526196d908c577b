"""A web process that is stopped during requests answers them, and ends."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e import procfile
from tests.e2e.private_servers import free_port
from tests.e2e.server import PATIENCE, Person, ServeProcess, eventually

MANY = 8  # logins at once; each needs some tenths of a second for the password
ROUNDS = 20 if os.environ.get("SOAK") == "1" else 2


class Web:
    """The web process of the Procfile with a database file, and without a TLS proxy."""

    def __init__(self, folder: Path, *, prepare: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = procfile.environment_of_a_server(
            folder, PORT=str(self.port), SECURE_SSL_REDIRECT="0", SESSION_COOKIE_SECURE="0",
            CSRF_COOKIE_SECURE="0", LOGIN_FAILURE_LIMIT="1000", LOGIN_FAILURES_PER_ADDRESS="1000",
        )  # fmt: skip
        if prepare:
            procfile.run_to_its_end(procfile.COMMANDS["release"], self.environment)

    def start(self) -> None:
        """Start the process, and wait until it serves."""
        log = self.folder / "log"
        self.process = procfile.start("web", self.environment, log)
        eventually(self.is_ready, "pages are served")

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output
        try:
            return Person(self.port).get("/healthz")[0] == 200
        except OSError:
            return False

    @property
    def output(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    Web(folder, prepare=True)
    return folder


@pytest.fixture
def web(prepared: Path, tmp_path: Path) -> Iterator[Web]:
    web = Web(Path(shutil.copytree(prepared, tmp_path / "web")))
    web.start()
    yield web
    web.process.kill()
    web.process.wait()


def log_in_wrongly(port: int, count: int) -> list[http.client.HTTPConnection]:
    """Send this number of logins without waiting for the responses."""
    person = Person(port)
    person.get("/accounts/login/")
    cookie = f"csrftoken={person.cookies['csrftoken']}"
    form = "application/x-www-form-urlencoded"
    sent = []
    for number in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        body = person.form(username=f"nobody{number}", password="wrong")
        headers = {"Cookie": cookie, "Content-Type": form}
        connection.request("POST", "/accounts/login/", body, headers)
        sent.append(connection)
    assert (
        Person(port).get("/healthz")[0] == 200
    )  # this request was last, so the server has the others
    return sent


def end_of(process: subprocess.Popen[bytes], output: str) -> int:
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"it did not end by itself:\n{output}") from None


def status_of(connection: http.client.HTTPConnection) -> int:
    with closing(connection):
        answer = connection.getresponse()
        answer.read()
        return answer.status


@pytest.mark.soak
def test_daphne_answers_requests_in_progress_and_ends(web: Web) -> None:
    for _ in range(ROUNDS):
        sent = log_in_wrongly(web.port, MANY)
        web.process.send_signal(signal.SIGTERM)
        assert [status_of(one) for one in sent] == [200] * MANY
        assert end_of(web.process, web.output) == 0
        assert "Traceback" not in web.output
        web.start()


def test_serve_answers_requests_in_progress_and_ends(tmp_path: Path) -> None:
    server = ServeProcess(tmp_path / "var", "--noreload").wait_until_healthy()
    try:
        sent = log_in_wrongly(server.port, MANY)
        server.process.send_signal(signal.SIGTERM)
        assert {status_of(one) for one in sent} <= {200, 429}, (
            "answered, or refused by the rate limit"
        )
        assert end_of(server.process, server.output) == 0
        assert "Traceback" not in server.output
    finally:
        server.kill()


def test_a_request_that_does_not_end_is_dropped_and_the_process_ends(web: Web) -> None:
    with closing(sqlite3.connect(web.folder / "var" / "db.sqlite3")) as other:
        other.execute(
            "BEGIN IMMEDIATE"
        )  # the login waits for this longer than the server waits for the login
        (sent,) = log_in_wrongly(web.port, 1)
        web.process.send_signal(signal.SIGTERM)
        assert end_of(web.process, web.output) == 1
    assert "1 requests took too long" in web.output
    with pytest.raises((http.client.HTTPException, OSError)):
        status_of(sent)
