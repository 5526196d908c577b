"""The processes of the Procfile together: a decision in one is used and shown by the others."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e import pages, procfile
from tests.e2e.conftest import private_database
from tests.e2e.private_servers import free_port
from tests.e2e.procfile import COMMANDS
from tests.e2e.server import PATIENCE, Person, eventually
from tests.support import external_services

FIGURES = "what-only-this-site-tells-prometheus"
MAKE_ALICE = """
from django.contrib.auth.models import Group, User
alice = User.objects.create_user("alice", password="a good long one")
alice.groups.add(Group.objects.get(name="reviewers"))
"""


class Site:
    """Starts the processes of the Procfile as its runner would: as commands, each with a PORT."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = procfile.environment_of_a_server(
            folder, DATABASE_URL=database, METRICS_TOKEN=FIGURES,
            REDIS_URL=external_services.REDIS,
        )  # fmt: skip

    def run(self, command: str) -> None:
        """Run a command to its end."""
        procfile.run_to_its_end(command, self._environment)

    def start(self, name: str, **extra: str) -> None:
        """Start another process of this kind."""
        label = f"{name}-{len(self.started)}"
        self.started[label] = procfile.start(name, self._environment | extra, self.folder / label)

    def output(self, label: str) -> str:
        """Return the output of a process so far."""
        return (self.folder / label).read_text(errors="replace")

    def check_alive(self) -> None:
        """Fail with the output of a process that has ended by itself."""
        for label, process in self.started.items():
            assert process.poll() is None, f"{label} ended:\n{self.output(label)}"


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Site]:
    if not (external_services.DATABASE.startswith("postgres") and external_services.REDIS):
        pytest.skip("the Procfile wants TEST_DATABASE_URL (PostgreSQL) and TEST_REDIS_URL")
    with private_database() as url:
        site = Site(tmp_path, url)
        yield site
        for process in site.started.values():
            process.kill()
            process.wait()


class ProxyClient(Person):
    """A client of a proxy that forwards its https requests to us over http."""

    def __init__(self, port: int, like: Person | None = None) -> None:
        super().__init__(port)
        self.cookies = like.cookies if like else {}
        self.headers = {
            "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7",
            "Origin": f"https://127.0.0.1:{port}",
        }  # fmt: skip


class LivePage:
    """The socket of an open page."""

    def __init__(self, person: Person, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", person.port), timeout=PATIENCE)
        cookies = "; ".join(f"{key}={value}" for key, value in person.cookies.items())
        lines = [
            f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{person.port}",
            f"Origin: https://127.0.0.1:{person.port}", f"Cookie: {cookies}",
            "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.7",
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]  # fmt: skip
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self._socket.makefile("rb")
        assert b" 101 " in self._file.readline()
        while self._file.readline().strip():
            pass

    def wait_for(self, words: bytes) -> None:
        """Read until a message contains `words`. The server's messages are short and not masked."""
        text = b""
        while words not in text:
            head = self._file.read(2)
            assert head[0] & 15 in (1, 9), f"not a text or a ping: {head!r} after {text!r}"
            size = head[1]
            if size == 126:
                size = int.from_bytes(self._file.read(2))
            text = self._file.read(size)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def is_ready(site: Site, port: int) -> bool:
    site.check_alive()
    try:
        return Person(port).get("/readyz")[0] == 200
    except OSError:
        return False


def figures(port: int) -> str:
    ask = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
    ask.add_header("Authorization", f"Bearer {FIGURES}")
    with urllib.request.urlopen(ask) as response:
        return str(response.read().decode())


def test_the_procfile_has_valid_commands() -> None:
    assert set(COMMANDS) == {"release", "web", "worker"}
    assert len(COMMANDS) == len(procfile.LINES), "every line is `name: command`"


def test_a_decision_on_one_server_reaches_a_worker_and_another_server(deployed: Site) -> None:
    one, two, of_worker = free_port(), free_port(), free_port()
    deployed.run(COMMANDS["release"])
    deployed.run(f"DEBUG=0 python manage.py shell --verbosity 0 --command '{MAKE_ALICE}'")
    deployed.start("web", PORT=str(one))
    deployed.start("web", PORT=str(two))
    deployed.start("worker", METRICS_PORT=str(of_worker))
    for port in (one, two):
        eventually(partial(is_ready, deployed, port), "it is ready")

    alice = ProxyClient(one)
    assert Person(one).get("/accounts/login/")[0] == 301, "http is redirected to https"
    assert alice.log_in("alice", "a good long one") == 302
    there = ProxyClient(two, like=alice)  # the same login, sent to the other server by the proxy
    run = pages.start(alice, "assistant", text="A calm and pleasant text. It reads well.")
    (request,) = pages.asked(there, "Approve analysis")
    live = LivePage(there, f"/ws{run}")
    pages.decide(alice, request, verdict="approve")
    live.wait_for(b'"read":true')
    eventually(lambda: 'data-status="completed"' in there.get(run)[1], "web 2 shows the end")
    assert "approved" in there.get(f"/requests/{request}/")[1]

    assert 'blazen_runs_ended_total{status="completed",workflow="assistant"} 1.0' in figures(
        of_worker
    )
    assert "blazen_sockets 1.0" in figures(two)
    assert "blazen_workers 1.0" in figures(one)
    live.close()
    stops_cleanly(deployed)
    reported = [
        json.loads(line) for line in deployed.output("worker-2").splitlines() if line[:1] == "{"
    ]
    run_id = run.split("/")[2]
    assert [line["message"] for line in reported if line.get("run_id") == run_id] == [
        "A request waits for an answer.", "An answer was applied.", "The run is completed.",
    ]  # fmt: skip


def stops_cleanly(site: Site) -> None:
    """Send SIGTERM to each process, and check how it ended."""
    site.check_alive()
    for process in site.started.values():
        process.send_signal(signal.SIGTERM)
    codes = {label: process.wait(PATIENCE) for label, process in site.started.items()}
    assert set(codes.values()) == {0}, {label: site.output(label) for label in codes}
    assert "The worker stopped." in site.output("worker-2")
    for label in codes:
        assert "Traceback" not in site.output(label), site.output(label)
