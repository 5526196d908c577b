"""Open inboxes when messages are lost, too many rows changed, or rows cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
from channels.auth import AuthMiddlewareStack
from channels.layers import InMemoryChannelLayer, channel_layers
from channels.routing import URLRouter
from django.db import connection

from approvals.consumers import websocket_urlpatterns
from approvals.live import inbox_pages
from tests.support import sockets
from tests.support.factories import make_request, make_reviewer
from tests.support.sockets import Socket, in_thread
from workflows.models import InputRequest
from workflows.realtime import publisher
from workflows.realtime.messages import INBOX, MAX_CHANGES, Message, request_messages
from workflows.realtime.outbox import loop_outbox
from workflows.sockets.login_checks import LoginChecks

pytestmark = [pytest.mark.django_db(transaction=True)]

application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))


@pytest.fixture
async def socket() -> AsyncIterator[Socket]:
    """The socket of alice's inbox, which has read for the first time."""
    client = await in_thread(sockets.sign_in, await in_thread(make_reviewer, "alice"))
    async with AsyncExitStack() as stack:
        opened = sockets.opened(application, "/ws/inbox/", client)
        socket = await stack.enter_async_context(opened)
        await socket.expect_read()
        yield socket


class Leaky(InMemoryChannelLayer):  # type: ignore[misc]
    """A layer that loses the messages to a group on demand."""

    loses = False

    async def group_send(self, group: str, message: Message) -> None:
        if not self.loses:
            await super().group_send(group, message)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Leaky:
    layer = Leaky()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    return layer


@asynccontextmanager
async def without(table: str) -> AsyncIterator[None]:
    """Take a table away, so that its rows cannot be read."""

    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{old}" RENAME TO "{new}"')

    await in_thread(rename, table, f"{table}_away")
    try:
        yield
    finally:
        await in_thread(rename, f"{table}_away", table)


async def change(*requests: InputRequest) -> None:
    await publisher.publish(changed=[one.pk for one in requests])


async def test_pages_read_again_when_a_message_was_lost(layer: Leaky, socket: Socket) -> None:
    request = await in_thread(make_request)
    await change(request)
    assert (await socket.message())["n"] == 2
    layer.loses = True
    await change(request)
    async with asyncio.timeout(30):
        while not loop_outbox().is_done:  # noqa: ASYNC110  nothing tells when it is
            await asyncio.sleep(0.01)
    layer.loses = False
    await change(request)
    kinds = [sorted((await socket.message()).keys()) for _ in range(2)]
    assert sorted(kinds) == [["changes", "n", "spread"], ["n", "read", "spread"]]


async def test_pages_read_again_when_too_many_rows_changed(socket: Socket) -> None:
    await publisher.publish(changed=[uuid4() for _ in range(MAX_CHANGES)])
    await publisher.publish(changed=[uuid4()])
    assert await socket.message() == {"n": 2, "read": True, "spread": 0.0}


async def test_pages_read_again_when_the_rows_could_not_be_read(
    socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_pages, "RETRY_DELAY", 0.01)
    request = await in_thread(make_request, assigned=True)
    async with without("workflows_assignment"):
        await change(request)
        assert await socket.message() == {"n": 2, "read": True, "spread": 0.0}
    shown = await in_thread(make_request)
    await change(request, shown)
    (one,) = (await socket.message())["changes"]
    assert one["id"] == str(shown.pk)


async def test_a_message_that_nobody_understands_stops_nothing(socket: Socket) -> None:
    request = await in_thread(make_request)
    broken = request_messages(changed=[request.pk])
    broken[INBOX]["requests"] = {"no key": {"added": False, "seen_before": []}}
    await in_thread(publisher.enqueue, broken)
    await socket.expect_read()
    await change(request)
    assert (await socket.message())["changes"]


async def test_without_a_database_a_page_says_so_and_reads_again_afterwards(
    socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoginChecks, "interval", 0.05)
    request = await in_thread(make_request)
    async with without("django_session"):
        assert await socket.message() == {"state": "reconnecting"}
    assert await socket.message() == {"state": "live"}
    await socket.expect_read()
    await change(request)
    assert (await socket.message())["changes"]


async def test_a_page_that_opens_without_a_database_reads_once_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LoginChecks, "interval", 0.05)
    client = await in_thread(sockets.sign_in, await in_thread(make_reviewer, "alice"))
    async with AsyncExitStack() as stack:
        async with without("auth_user_groups"):
            opened = sockets.opened(application, "/ws/inbox/", client)
            socket = await stack.enter_async_context(opened)
            assert await socket.message() == {"state": "reconnecting"}
        assert await socket.message() == {"state": "live"}
        await socket.expect_read()
