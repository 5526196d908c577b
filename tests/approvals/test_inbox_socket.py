"""The socket of the inbox: who can open it, its messages, and when it closes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from approvals.consumers import InboxConsumer
from blazen_site.asgi import application
from tests.support.factories import make_request, make_reviewer, make_user
from workflows.realtime import publisher

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
async def sockets() -> AsyncIterator[list[WebsocketCommunicator]]:
    """The sockets that a test opens; they are closed at its end.

    The communicator of Channels prevents that database connections are closed while it runs, also
    those of pool threads. So there is one such thread, and its connections are closed here.
    """
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    opened: list[WebsocketCommunicator] = []
    yield opened
    for socket in opened:
        await socket.disconnect()
    await asyncio.to_thread(connections.close_all)
    await database_sync_to_async(connections.close_all)()


def cookie_of(user: User | None) -> tuple[Client, str]:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client, "; ".join(f"{name}={item.value}" for name, item in client.cookies.items())


async def open_socket(
    sockets: list[WebsocketCommunicator], cookie: str, *, origin: str = "http://testserver"
) -> tuple[WebsocketCommunicator, bool]:
    headers = [(b"cookie", cookie.encode()), (b"origin", origin.encode())]
    socket = WebsocketCommunicator(application, "/ws/inbox/", headers=headers)
    sockets.append(socket)
    connected, _ = await socket.connect(timeout=5)
    return socket, connected


async def closing_code(socket: WebsocketCommunicator) -> int:
    message: dict[str, Any] = await socket.receive_output(timeout=5)
    assert message["type"] == "websocket.close"
    code: int = message["code"]
    return code


async def publish_inbox_change() -> None:
    await publisher.publish(runs=[], inbox=True)


async def test_a_page_is_refreshed_when_a_request_is_answered(
    sockets: list[WebsocketCommunicator],
) -> None:
    user = await database_sync_to_async(make_reviewer)("alice")
    _, cookie = await database_sync_to_async(cookie_of)(user)
    socket, connected = await open_socket(sockets, cookie)
    assert connected
    request = await database_sync_to_async(make_request)()
    await database_sync_to_async(request.answer)({"approved": True}, by=user, source="inbox")
    refresh = await socket.receive_from(timeout=5)
    assert 'id="refresh"' in refresh
    assert "Publish" not in refresh


async def test_many_changes_cause_one_refresh_at_once_and_one_later(
    sockets: list[WebsocketCommunicator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InboxConsumer, "interval_per_page", 0.2)
    user = await database_sync_to_async(make_reviewer)("alice")
    _, cookie = await database_sync_to_async(cookie_of)(user)
    socket, _ = await open_socket(sockets, cookie)
    await publish_inbox_change()
    await socket.receive_from(timeout=5)
    for _ in range(20):
        await publish_inbox_change()
    await socket.receive_from(timeout=5)
    assert await socket.receive_nothing(timeout=0.5)


async def test_without_a_login_the_socket_closes(sockets: list[WebsocketCommunicator]) -> None:
    socket, connected = await open_socket(sockets, "")
    assert connected
    assert await closing_code(socket) == 4401


async def test_without_permission_the_socket_closes(sockets: list[WebsocketCommunicator]) -> None:
    user = await database_sync_to_async(make_user)("carol")
    _, cookie = await database_sync_to_async(cookie_of)(user)
    socket, _ = await open_socket(sockets, cookie)
    assert await closing_code(socket) == 4403


@pytest.mark.parametrize("origin", ["http://evil.example", ""])
async def test_a_page_of_another_site_cannot_open_a_socket(
    sockets: list[WebsocketCommunicator], origin: str
) -> None:
    user = await database_sync_to_async(make_reviewer)("alice")
    _, cookie = await database_sync_to_async(cookie_of)(user)
    _, connected = await open_socket(sockets, cookie, origin=origin)
    assert not connected


async def test_a_logout_closes_the_socket(sockets: list[WebsocketCommunicator]) -> None:
    user = await database_sync_to_async(make_reviewer)("alice")
    client, cookie = await database_sync_to_async(cookie_of)(user)
    socket, _ = await open_socket(sockets, cookie)
    _, elsewhere = await database_sync_to_async(cookie_of)(user)
    other, _ = await open_socket(sockets, elsewhere)
    await database_sync_to_async(client.post)("/accounts/logout/")
    assert await closing_code(socket) == 4401
    await publish_inbox_change()
    assert 'id="refresh"' in await other.receive_from(timeout=5)


async def test_the_socket_closes_at_the_next_push_after_a_permission_was_removed(
    sockets: list[WebsocketCommunicator],
) -> None:
    user = await database_sync_to_async(make_reviewer)("alice")
    _, cookie = await database_sync_to_async(cookie_of)(user)
    socket, _ = await open_socket(sockets, cookie)
    await database_sync_to_async(user.user_permissions.clear)()
    await publish_inbox_change()
    assert await closing_code(socket) == 4403


async def test_the_socket_closes_at_the_next_push_after_the_account_was_deactivated(
    sockets: list[WebsocketCommunicator],
) -> None:
    user = await database_sync_to_async(make_reviewer)("alice")
    _, cookie = await database_sync_to_async(cookie_of)(user)
    socket, _ = await open_socket(sockets, cookie)
    user.is_active = False
    await database_sync_to_async(user.save)()
    await publish_inbox_change()
    assert await closing_code(socket) == 4401
