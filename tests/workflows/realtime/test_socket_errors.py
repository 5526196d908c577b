"""A socket stays open after a database error, and is removed from the list however it ends."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError
from django.test import Client
from django.urls import path
from pytest_django import Settings

from tests.support import sockets
from tests.support.factories import make_reviewer
from workflows.realtime import publisher
from workflows.realtime.subscriber import loop_subscriber
from workflows.sockets.consumer import REFRESH, RefreshConsumer
from workflows.sockets.open_sockets import open_sockets

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

errors: list[Exception] = []
"""The errors that the next checks raise, in this order."""


class Fragile(RefreshConsumer):
    """A consumer of the inbox whose check raises database errors."""

    async def groups_for(self) -> list[str]:
        return [publisher.INBOX]

    def allowed(self, user: User) -> bool:
        if errors:
            raise errors.pop(0)
        return True


application = AuthMiddlewareStack(URLRouter([path("ws/", Fragile.as_asgi())]))


@pytest.fixture
async def client() -> Client:
    errors.clear()
    user = await database_sync_to_async(make_reviewer)("alice")
    client: Client = await database_sync_to_async(sockets.sign_in)(user)
    return client


def open_pages() -> int:
    gc.collect()
    return len(open_sockets)


async def test_a_socket_whose_first_check_raises_is_removed_from_the_list(client: Client) -> None:
    before = open_pages()
    errors.append(RuntimeError("a mistake in a check"))
    with pytest.raises(RuntimeError, match="a mistake"):
        async with sockets.opened(application, "/ws/", client) as socket:
            await socket.receive_from(timeout=5)
    assert open_pages() == before
    assert not loop_subscriber()._pages


@pytest.mark.parametrize("error", [InterfaceError("gone"), DatabaseError("gone")])
async def test_a_first_check_without_a_database_is_repeated(
    client: Client, error: Exception
) -> None:
    errors.append(error)
    async with sockets.opened(application, "/ws/", client) as socket:
        assert await socket.receive_from(timeout=5) == "reconnecting"
        assert await socket.receive_from(timeout=5) == "live"
        assert await socket.receive_from(timeout=5) == REFRESH


@pytest.mark.parametrize("error", [InterfaceError("gone"), DatabaseError("gone")])
async def test_a_refresh_is_sent_when_the_database_is_back(
    client: Client, error: Exception
) -> None:
    async with sockets.opened(application, "/ws/", client) as socket:
        await publisher.publish(runs=[], inbox=True)
        assert await socket.receive_from(timeout=5) == REFRESH
        errors.append(error)
        await publisher.publish(runs=[], inbox=True)
        said: list[Any] = [await socket.receive_from(timeout=5) for _ in range(3)]
        assert said == ["reconnecting", "live", REFRESH]


async def test_a_refresh_is_not_lost_by_another_error(client: Client) -> None:
    async with sockets.opened(application, "/ws/", client) as socket:
        await publisher.publish(runs=[], inbox=True)
        assert await socket.receive_from(timeout=5) == REFRESH
        errors.append(ValueError("a mistake in a check"))
        await publisher.publish(runs=[], inbox=True)
        assert await socket.receive_from(timeout=10) == REFRESH
        assert not errors


@pytest.mark.parametrize("sent", [{"text_data": "hello"}, {"bytes_data": b"\x00"}])
async def test_a_socket_closes_if_its_client_sends_anything(
    client: Client, sent: dict[str, Any]
) -> None:
    async with sockets.opened(application, "/ws/", client) as socket:
        await socket.send_to(**sent)
        assert await socket.close_code() == 1008


async def test_one_socket_too_many_closes_and_the_others_stay_open(
    client: Client, settings: Settings
) -> None:
    settings.SOCKETS_PER_PERSON = 2
    other = await database_sync_to_async(make_reviewer)("bob")
    bobs = await database_sync_to_async(sockets.sign_in)(other)
    async with (
        sockets.opened(application, "/ws/", client) as first,
        sockets.opened(application, "/ws/", client) as second,
        sockets.opened(application, "/ws/", client) as third,
        sockets.opened(application, "/ws/", bobs) as strange,
    ):
        assert await third.close_code() == 4429
        await publisher.publish(runs=[], inbox=True)
        for socket in (first, second, strange):
            assert await socket.receive_from(timeout=5) == REFRESH
    async with sockets.opened(application, "/ws/", client) as socket:
        await publisher.publish(runs=[], inbox=True)
        assert await socket.receive_from(timeout=5) == REFRESH
