"""Sockets opened as by a browser, with the cookies of a login."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client

T = TypeVar("T")


class Socket(WebsocketCommunicator):  # type: ignore[misc]  # channels has no types
    """One open socket. Needs a test with `transaction=True`.

    The communicator of Channels keeps the connections of a consumer's threads open, for tests
    inside a transaction. On a database server, these would prevent the deletion of the database.
    """

    send_input: Any = ApplicationCommunicator.send_input
    receive_output: Any = ApplicationCommunicator.receive_output

    async def close_code(self) -> int:
        """Wait for the server to close, and return the code it gives."""
        event = await self.receive_output(timeout=10)
        assert event["type"] == "websocket.close", event
        code: int = event["code"]
        return code

    async def message(self) -> dict[str, Any]:
        """Wait for the next message, and return what it says."""
        message: dict[str, Any] = json.loads(await self.receive_from(timeout=10))
        return message

    async def expect_read(self) -> None:
        """Wait for a message, which has to let the page read everything again."""
        message = await self.message()
        assert message.get("read") is True, message

    async def changes(self, last: object) -> list[dict[str, Any]]:
        """Return the changes that the page is sent, up to that of the request `last`, without it.

        Messages that let the page read are left out.
        """
        changes: list[dict[str, Any]] = []
        while not any(one["id"] == str(last) for one in changes):
            changes += (await self.message()).get("changes", [])
        return [one for one in changes if one["id"] != str(last)]


async def in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function that uses the database."""
    result: T = await database_sync_to_async(function)(*args, **kwargs)
    return result


def sign_in(user: User) -> Client:
    """Return a browser in which `user` is logged in."""
    client = Client()
    client.force_login(user)
    return client


@asynccontextmanager
async def opened(
    application: Any, path: str, client: Client | None, *, origin: str = ""
) -> AsyncIterator[Socket]:
    """Open `path` with the cookies of `client`, or with none; it must be accepted."""
    headers = [(b"origin", origin.encode())] if origin else []
    if client is not None:
        headers += [(b"cookie", client.cookies.output(header="", sep=";").strip().encode())]
    socket = Socket(application, path, headers)
    accepted, _ = await socket.connect(timeout=5)
    assert accepted, "the socket was refused"
    try:
        yield socket
    finally:
        await socket.disconnect()
