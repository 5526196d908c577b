"""`manage.py serve`: first start, stop, crash, and restart."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import ROOT, Person, ServeProcess, environment, eventually


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after a first start and a stop. Tests begin with a copy of it."""
    folder = tmp_path_factory.mktemp("first_start")
    server = ServeProcess(folder, "--noreload", is_first=True).wait_until_healthy()
    assert server.terminate() == 0, server.output
    (folder / "first.txt").write_text(server.output)
    return folder


@pytest.fixture
def folder(first_start: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_start, tmp_path / "var"))


@pytest.fixture
def server(folder: Path) -> Iterator[ServeProcess]:
    running = ServeProcess(folder, "--noreload").wait_until_healthy()
    yield running
    running.kill()


def runs(folder: Path) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "manage.py", "runs", "--json"],
        cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return list(json.loads(done.stdout))


def test_the_first_start_prints_who_can_log_in_and_where(first_start: Path) -> None:
    said = (first_start / "first.txt").read_text()
    for word in ("alice", "bob", "admin", "'demo'", "example runs", "Serving http://127.0.0.1:"):
        assert word in said
    assert (first_start / "secret_key").stat().st_mode & 0o777 == 0o600


def test_alice_logs_in_and_a_wrong_password_does_not(server: ServeProcess) -> None:
    alice = Person(server.port)
    assert alice.log_in("alice", "wrong") == 200
    assert alice.log_in("alice") == 302
    assert alice.get("/accounts/")[0] == 200


def test_admin_reads_the_example_runs_in_the_admin(server: ServeProcess) -> None:
    admin = Person(server.port)
    assert admin.log_in("admin") == 302
    status, page = admin.get("/admin/workflows/workflowrun/")
    assert status == 200
    assert "expenses" in page


def test_the_embedded_worker_is_alive(server: ServeProcess) -> None:
    def is_seen() -> bool:
        text = Person(server.port).get("/healthz")[1]
        return json.loads(text)["worker_seconds"] is not None

    eventually(is_seen, "the worker reports itself")


def test_another_start_does_not_change_the_demo_data(
    first_start: Path, server: ServeProcess
) -> None:
    assert "First start" not in server.output
    known = {run["id"] for run in runs(server.folder)}
    assert known == {run["id"] for run in runs(first_start)}
    assert known


def test_sigterm_ends_it_with_success_and_frees_the_port(server: ServeProcess) -> None:
    port = server.port
    assert server.terminate() == 0, server.output
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_it_starts_again_after_kill_9(server: ServeProcess) -> None:
    server.kill()
    again = ServeProcess(server.folder, "--noreload").wait_until_healthy()
    try:
        assert Person(again.port).log_in("alice") == 302
    finally:
        assert again.terminate() == 0, again.output


def test_a_second_server_on_the_same_folder_refuses(server: ServeProcess) -> None:
    second = ServeProcess(server.folder, "--noreload")
    assert second.wait_until_it_ends() == 1
    assert f"A server already runs on {server.folder} (process {server.process.pid})" in (
        second.output
    )
    assert "Traceback" not in second.output
    assert Person(server.port).get("/healthz")[0] == 200


def test_a_port_in_use_is_reported_before_any_file_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = ServeProcess(tmp_path / "var", "--noreload", port=port, is_first=True)
        assert server.wait_until_it_ends() == 1
    assert f"Port {port} of 127.0.0.1 is in use" in server.output
    assert "Traceback" not in server.output
    assert not (tmp_path / "var" / "db.sqlite3").exists()


def strict(folder: Path) -> ServeProcess:
    """Start with the settings of production, but without a TLS proxy."""
    return ServeProcess(
        folder,
        DEBUG="0",
        SECRET_KEY="not a real secret, but long enough to be taken for one",
        SECURE_SSL_REDIRECT="0",
        SESSION_COOKIE_SECURE="0",
        CSRF_COOKIE_SECURE="0",
    )


def test_without_debug_a_known_password_prevents_the_start(folder: Path) -> None:
    server = strict(folder)
    assert server.wait_until_it_ends() == 1
    assert "The account alice still has the demo password." in server.output
    assert "Traceback" not in server.output


def test_without_debug_there_are_no_demo_accounts(tmp_path: Path) -> None:
    server = strict(tmp_path / "var").wait_until_healthy()
    try:
        page = Person(server.port).get("/accounts/login/")[1]
        assert "First start" not in server.output
        assert Person(server.port).log_in("alice") == 200
        assert ".css" in page
        assert '/static/css/base.css"' not in page  # its name has a hash of the content
    finally:
        assert server.terminate() == 0, server.output
