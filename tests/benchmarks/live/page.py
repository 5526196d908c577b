"""An open inbox as its script behaves: it holds a socket, and fetches only what it has to."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import time
from collections.abc import Callable
from typing import Any, cast

Fetch = Callable[[str, str, dict[str, str]], Any]
PLACE_MOST = 50  # rows in one fetch
HEADER_END = b"\r\n\r\n"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
LENGTH_16, LENGTH_64 = 126, 127


class Socket(asyncio.Protocol):
    """A WebSocket client that only reads, with little work for each message."""

    def __init__(
        self, port: int, path: str, session: str, receive: Callable[[bytes], None]
    ) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_closed = False
        self._receive = receive
        self._buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Origin: http://127.0.0.1:{port}\r\nCookie: sessionid={session}\r\n\r\n"
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request.encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that the server ended it."""
        self.is_closed = True
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("The handshake was refused."))

    def data_received(self, data: bytes) -> None:
        """Read the handshake, then each frame that is complete."""
        self._buffer += data
        if not self.opened.done():
            head, found, rest = self._buffer.partition(HEADER_END)
            if not found:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self.opened.set_exception(ConnectionError(head.decode()[:200]))
                return
            self._buffer = rest
            self.opened.set_result(None)
        while self._read_frame():
            pass

    def _read_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        kind, length, start = buffer[0] & 15, buffer[1] & 127, 2
        for marker, size in ((LENGTH_16, 2), (LENGTH_64, 8)):
            if length == marker:
                length, start = int.from_bytes(buffer[2 : 2 + size]), 2 + size
                break
        if len(buffer) < start + length:
            return False
        content, self._buffer = buffer[start : start + length], buffer[start + length :]
        if kind == TEXT:
            self._receive(content)
        elif kind == PING:
            mask = bytes(4)  # a client's frame has to be masked; zeros leave it as it is
            self.transport.write(bytes([128 | PONG, 128 | length]) + mask + content)
        elif kind == CLOSE:
            self.transport.close()
        return True


class InboxPage:
    """One page. `shown` gets the id and the time of what left it. It counts its own fetches."""

    def __init__(self, port: int, session: str, shown: Callable[[str, float], None]) -> None:
        self.session = session
        self.fetches = 0
        self.gaps = 0
        self._port = port
        self._shown = shown
        self._number = 0
        self._arrivals: set[str] = set()
        self._etag = ""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Open the socket; the first message lets the page read its list."""
        loop = asyncio.get_running_loop()

        def make() -> Socket:
            return Socket(self._port, "/ws/inbox/", self.session, self._receive)

        _, self.socket = await loop.create_connection(make, "127.0.0.1", self._port)
        await self.socket.opened

    def close(self) -> None:
        """Leave."""
        self.socket.transport.abort()
        for task in self._tasks.values():
            task.cancel()

    def _receive(self, content: bytes) -> None:
        now = time.monotonic()
        message = json.loads(content)
        if "n" not in message:
            return
        if message["n"] != self._number + 1:
            self.gaps += 1
        self._number = message["n"]
        if message.get("read"):
            self._begin("read", self._read(message["spread"]))
        for change in message.get("changes", ()):
            if change["kind"] == "removed":
                self._arrivals.discard(change["id"])
                self._shown(change["id"], now)
            elif change["kind"] == "added":
                self._arrivals.add(change["id"])
        if self._arrivals:
            self._begin("place", self._place(message["spread"]))

    def _begin(self, name: str, work: Any) -> None:
        task = self._tasks.get(name)
        if task is None or task.done():
            self._tasks[name] = asyncio.create_task(work)
        else:
            work.close()

    async def _read(self, spread: float) -> None:
        await asyncio.sleep(random.random() * spread)
        status, headers = await self._get("/", {"HX-Request": "true", "If-None-Match": self._etag})
        if status == 200:
            self._etag = headers.get("etag", "")

    async def _place(self, spread: float) -> None:
        await asyncio.sleep(random.random() * spread)
        ids = sorted(self._arrivals)[:PLACE_MOST]
        self._arrivals.difference_update(ids)
        if ids:
            self._etag = ""
            await self._get(f"/requests/rows/?ids={','.join(ids)}", {})

    async def _get(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        self.fetches += 1
        cookie = {"Cookie": f"sessionid={self.session}"}
        return await request(self._port, "GET", path, headers | cookie)


async def request(
    port: int, method: str, path: str, headers: dict[str, str], body: str = ""
) -> tuple[int, dict[str, str]]:
    """Send an HTTP request on a connection of its own; return the status and the headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value]
        if body:
            lines += [
                "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"
            ]  # fmt: skip
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        head = (await reader.readuntil(HEADER_END)).decode().split("\r\n")
        await reader.read()
    finally:
        writer.close()
    found = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    return int(head[0].split()[1]), found
