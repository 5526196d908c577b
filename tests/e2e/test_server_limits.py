"""Limits for requests and sockets of unknown clients, in both modes of serving."""

from __future__ import annotations

import base64
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.private_servers import free_port
from tests.e2e.server import PATIENCE, ROOT, Person, ServeProcess, environment, eventually

LIMIT = 200_000
SETTINGS: dict[str, Any] = {
    "REQUEST_MAX_BYTES": str(LIMIT),
    "REQUEST_SECONDS": "2",
    "SOCKETS_PER_PERSON": "2",
}


class Server:
    """A server in one of the modes: its port and its process."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    @property
    def memory(self) -> int:
        """The bytes of memory that the process uses."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def embedded(data: Path) -> Iterator[Server]:
    process = ServeProcess(data, "--noreload", is_first=True, **SETTINGS).wait_until_healthy()
    yield Server(process.port, process.process.pid)
    process.kill()


@pytest.fixture(scope="module")
def alone(embedded: Server, data: Path) -> Iterator[Server]:
    """The web process of the Procfile, with the database of the embedded server."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "workflows.server.web_server",
        "--verbosity",
        "0",
        "-p",
        str(port),
    ]
    with (data / "web.txt").open("wb") as log:
        process = subprocess.Popen(
            [*command, "blazen_site.asgi:application"],
            cwd=ROOT, env=environment(data, **SETTINGS), stdout=log, stderr=log,
        )  # fmt: skip

    def answers() -> bool:
        assert process.poll() is None, (data / "web.txt").read_text()
        try:
            return Person(port).get("/healthz")[0] == 200
        except OSError:
            return False

    eventually(answers, "the web server answers")
    yield Server(port, process.pid)
    process.kill()
    process.wait()


@pytest.fixture(params=["embedded", "alone"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def head(*lines: str) -> bytes:
    begin = ["POST /accounts/login/ HTTP/1.1", "Host: 127.0.0.1"]
    return "\r\n".join([*begin, *lines, "", ""]).encode()


def all_of(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    answer = b""
    try:
        while data := connection.recv(65536):
            answer += data
    except ConnectionResetError:
        pass
    return answer


def send_much(connection: socket.socket, data: bytes, times: int) -> bytes:
    """Send the data repeatedly while the server accepts it; return the response."""
    answer = b""
    try:
        for _ in range(times):
            if select.select([connection], [], [], 0)[0]:
                answer += connection.recv(65536)
            connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return answer


def test_a_length_above_the_limit_is_refused_before_the_body_is_sent(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(head("Content-Length: 700000000", "Expect: 100-continue"))
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413 "), answer
        assert b"100 Continue" not in answer
        assert b"nothing was changed" in answer


@pytest.mark.parametrize("length", ["Content-Length: 150000000", "Transfer-Encoding: chunked"])
def test_a_large_body_needs_no_memory(server: Server, length: str) -> None:
    before = server.memory
    with server.connect() as connection:
        connection.sendall(head(length, "Content-Type: application/x-www-form-urlencoded"))
        block = b"x" * 65536
        part = b"10000\r\n" + block + b"\r\n" if "chunked" in length else block
        answer = send_much(connection, part, 2300) + all_of(connection)
        assert answer.startswith(b"HTTP/1.1 413 ")
    # The example runs of a first start load their libraries meanwhile: about 30 MB.
    assert server.memory - before < 80_000_000
    assert Person(server.port).get("/healthz")[0] == 200


def test_a_body_within_the_limit_reaches_the_application(server: Server) -> None:
    body = b"a=" + b"x" * (LIMIT - 2)
    with server.connect() as connection:
        connection.sendall(head(f"Content-Length: {len(body)}", "Connection: close") + body)
        assert all_of(connection).split()[1] == b"403"  # no token
    with server.connect() as connection:
        connection.sendall(head("Transfer-Encoding: chunked", "Connection: close"))
        connection.sendall(b"5\r\na=xxx\r\n0\r\n\r\n")
        assert all_of(connection).split()[1] == b"403"


@pytest.mark.parametrize(
    "begun",
    [
        b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", head("Content-Length: 1000"),
        head("Transfer-Encoding: chunked") + b"3e8\r\nabc",
    ],
)  # fmt: skip
def test_a_client_that_sends_too_slowly_is_disconnected(server: Server, begun: bytes) -> None:
    """Sending one byte now and then does not keep a connection open."""
    with server.connect() as connection:
        connection.sendall(begun)
        connection.settimeout(0.2)
        answer = b"unread"
        for _ in range(150):
            try:
                answer = connection.recv(65536)
                break
            except TimeoutError:
                if begun:
                    send_much(connection, b"x", 1)
            except ConnectionResetError:
                answer = b""
                break
        assert answer == b"" or b" 408 " in answer


def test_an_idle_connection_ends_after_its_answer(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert all_of(connection).startswith(b"HTTP/1.1 200 ")


class Page:
    """A socket as a page opens it, and the messages that it gets."""

    def __init__(self, person: Person, path: str = "/ws/inbox/", origin: str = "") -> None:
        self.connection = socket.create_connection(("127.0.0.1", person.port), timeout=PATIENCE)
        cookies = "; ".join(f"{key}={value}" for key, value in person.cookies.items())
        lines = [
            f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{person.port}", f"Cookie: {cookies}",
            f"Origin: {origin or f'http://127.0.0.1:{person.port}'}", "Connection: Upgrade",
            "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]  # fmt: skip
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self.connection.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.connection.close()

    def send(self, opcode: int, payload: bytes, *, final: bool = True, length: int = -1) -> None:
        """Send one masked frame, or the head of a longer one."""
        length = len(payload) if length < 0 else length
        size = bytes([0x80 | length]) if length < 126 else b"\xff" + length.to_bytes(8, "big")
        self.connection.sendall(bytes([0x80 * final | opcode]) + size + b"\0\0\0\0" + payload)

    def close_code(self) -> int | None:
        """Wait until the socket closes and return the code; None if the connection was dropped."""
        try:
            while head := self._file.read(2):
                payload = self._file.read(head[1] & 0x7F)
                if head[0] & 0x0F == 8:
                    return int.from_bytes(payload[:2], "big")
        except ConnectionResetError:
            pass
        return None


@pytest.fixture
def alice(server: Server) -> Person:
    person = Person(server.port)
    assert person.log_in("alice") == 302
    return person


@pytest.mark.parametrize(
    ("opcode", "payload", "final", "length"),
    [
        (1, b"hello", True, -1), (2, b"\x00", True, -1), (1, b"", True, -1),
        (1, b"begun", False, -1), (1, b"", True, 2**40), (1, b"x" * 1025, True, -1),
    ],
)  # fmt: skip
def test_a_socket_closes_if_the_page_sends_anything(
    alice: Person, opcode: int, payload: bytes, final: bool, length: int
) -> None:
    with Page(alice) as page:
        assert page.status == 101
        page.send(opcode, payload, final=final, length=length)
        too_long = max(length, len(payload)) > 1024
        assert page.close_code() in ((1009, None) if too_long else (1008,))


def test_the_sockets_of_a_person_are_limited(alice: Person) -> None:
    def there_is_room() -> bool:
        with Page(alice) as page:
            page.connection.settimeout(0.3)
            try:
                return page.close_code() != 4429
            except TimeoutError:
                return True

    eventually(there_is_room, "pages of the tests before are gone")
    with Page(alice) as first:
        with Page(alice), Page(alice) as third:
            assert third.close_code() == 4429
        eventually(there_is_room, "the place of the closed page is free")
        first.send(8, (1000).to_bytes(2, "big"))
        assert first.close_code() == 1000


def test_an_address_without_a_socket_is_refused_without_a_traceback(
    alice: Person, data: Path
) -> None:
    for path in ("/ws/nothing/", "/ws/", "/ws/runs/none/", "/", "/ws/inbox/%00", "/ws/%ff/"):
        with Page(alice, path) as page:
            assert page.status in (403, 404), path
    for log in data.glob("*.txt"):
        assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("origin", ["https://127.0.0.1:{port}", "http://127.0.0.1:1", "null"])
def test_a_page_of_another_scheme_or_port_cannot_open_a_socket(alice: Person, origin: str) -> None:
    with Page(alice, origin=origin.format(port=alice.port)) as page:
        assert page.status == 403
