"""Sockets opened as by a browser, with the cookies of a login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client


class Socket(WebsocketCommunicator):  # type: ignore[misc]  # channels has no types
    """One open socket. Needs a test with `transaction=True`.

    The communicator of Channels keeps the connections of a consumer's threads open, for tests
    inside a transaction. On a database server, these would prevent the deletion of the database.
    """

    send_input: Any = ApplicationCommunicator.send_input
    receive_output: Any = ApplicationCommunicator.receive_output

    async def close_code(self) -> int:
        """Wait until the server closes the socket, and return the close code."""
        event = await self.receive_output(timeout=5)
        assert event["type"] == "websocket.close", event
        code: int = event["code"]
        return code


def sign_in(user: User) -> Client:
    """Return a browser in which `user` is logged in."""
    client = Client()
    client.force_login(user)
    return client


@asynccontextmanager
async def opened(application: Any, path: str, client: Client | None) -> AsyncIterator[Socket]:
    """Open `path`, with the cookies of `client` if there is one; the server must accept it."""
    headers = []
    if client is not None:
        headers = [(b"cookie", client.cookies.output(header="", sep=";").strip().encode())]
    socket = Socket(application, path, headers)
    accepted, _ = await socket.connect(timeout=5)
    assert accepted
    try:
        yield socket
    finally:
        await socket.disconnect()
