"""A socket outlives an error of the database, and is forgotten however it ends."""

from __future__ import annotations

import gc
from typing import Any
from uuid import uuid4

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.db import DatabaseError, InterfaceError
from django.test import Client
from django.urls import path
from pytest_django import Settings

from tests.support import sockets
from tests.support.factories import make_reviewer
from workflows.models.requests.audience import Viewer
from workflows.realtime import publisher
from workflows.realtime.messages import run_group
from workflows.realtime.subscriber import loop_subscriber
from workflows.sockets.open_sockets import open_sockets
from workflows.sockets.refresh_consumer import RefreshConsumer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

SHOWN = uuid4()  # the run that the page shows

errors: list[Exception] = []
"""What the next checks of the content raise, one after the other."""


class Fragile(RefreshConsumer):
    """A page whose check fails as the database would, or by a mistake."""

    max_retry_delay = 0.1

    def groups_for(self) -> list[str]:
        return [run_group(SHOWN)]

    def may_see(self, viewer: Viewer) -> bool:
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


async def change() -> None:
    await publisher.publish(runs=[SHOWN])


async def be_sent_nonsense(client: Client) -> None:
    """Open a page to which the server sends what no socket understands."""
    before = open_pages()
    async with sockets.opened(application, "/ws/", client) as socket:
        await socket.expect_read()
        assert open_pages() == before + 1
        assert loop_subscriber()._pages
        await socket.send_input({"type": "websocket.nonsense"})
        await socket.wait(timeout=5)


async def test_a_socket_that_raises_is_forgotten(client: Client) -> None:
    before = open_pages()
    with pytest.raises(ValueError, match="No handler"):
        await be_sent_nonsense(client)
    assert open_pages() == before
    assert not loop_subscriber()._pages


@pytest.mark.parametrize("error", [InterfaceError("gone"), DatabaseError("gone"), ValueError("?")])
async def test_a_first_check_that_fails_is_made_again(client: Client, error: Exception) -> None:
    errors.append(error)
    async with sockets.opened(application, "/ws/", client) as socket:
        await socket.expect_read()
        assert not errors


@pytest.mark.parametrize("error", [InterfaceError("gone"), DatabaseError("gone"), ValueError("?")])
async def test_a_change_is_not_lost_by_an_error(client: Client, error: Exception) -> None:
    async with sockets.opened(application, "/ws/", client) as socket:
        await socket.expect_read()
        errors.append(error)
        await change()
        await socket.expect_read()
        assert not errors


@pytest.mark.parametrize("sent", [{"text_data": "hello"}, {"bytes_data": b"\x00"}])
async def test_whoever_sends_on_a_socket_is_closed(client: Client, sent: dict[str, Any]) -> None:
    async with sockets.opened(application, "/ws/", client) as socket:
        await socket.expect_read()
        await socket.send_to(**sent)
        assert await socket.close_code() == 1008


async def test_one_socket_too_many_closes_and_leaves_the_others(
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
        for socket in (first, second, strange):
            await socket.expect_read()
        await change()
        for socket in (first, second, strange):
            await socket.expect_read()
    async with sockets.opened(application, "/ws/", client) as socket:
        await socket.expect_read()
