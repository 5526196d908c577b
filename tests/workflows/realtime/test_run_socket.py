"""The socket of a run page: a refresh after each change, only for people who may see the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.test import Client

from tests.support import sockets
from tests.support.factories import make_run, make_user
from tests.support.sockets import Socket
from workflows.consumers import websocket_urlpatterns
from workflows.models import WorkflowRun
from workflows.realtime import publisher
from workflows.sockets.consumer import LOGIN_NEEDED, NOT_ALLOWED

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))


def opened(run: WorkflowRun, client: Client | None) -> AbstractAsyncContextManager[Socket]:
    """Open the socket of the run."""
    return sockets.opened(application, f"/ws/runs/{run.pk}/", client)


async def in_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await database_sync_to_async(function)(*args, **kwargs)


async def watched() -> tuple[WorkflowRun, User, Client]:
    user = await in_thread(make_user, "olga", "workflows.view_workflowrun")
    return await in_thread(make_run), user, await in_thread(sockets.sign_in, user)


async def test_a_change_of_the_run_refreshes_its_page() -> None:
    run, _, client = await watched()
    async with opened(run, client) as socket:
        await publisher.publish(runs=[run.pk])
        html = await socket.receive_from(timeout=5)
        assert html == '<i id="refresh" hidden></i>'


async def test_an_action_refreshes_the_page_after_its_commit() -> None:
    run, _, client = await watched()
    async with opened(run, client) as socket:
        await in_thread(run.pause)
        assert await socket.receive_from(timeout=5)


async def test_many_changes_at_once_cause_at_most_two_refreshes() -> None:
    run, _, client = await watched()
    async with opened(run, client) as socket:
        for _ in range(50):
            await publisher.publish(runs=[run.pk])
        await socket.receive_from(timeout=5)
        for _ in range(50):
            await publisher.publish(runs=[run.pk])
        await socket.receive_from(timeout=5)
        assert await socket.receive_nothing(timeout=1.5)


async def test_the_socket_gets_no_message_of_another_run() -> None:
    run, _, client = await watched()
    other = await in_thread(make_run)
    async with opened(run, client) as socket:
        await publisher.publish(runs=[other.pk])
        assert await socket.receive_nothing(timeout=0.3)


async def test_without_a_login_the_socket_closes_with_a_specific_code() -> None:
    run = await in_thread(make_run)
    async with opened(run, None) as socket:
        assert await socket.close_code() == LOGIN_NEEDED


async def test_the_socket_of_an_invisible_run_closes_with_a_specific_code() -> None:
    run = await in_thread(make_run)
    client = await in_thread(sockets.sign_in, await in_thread(make_user, "mallory"))
    async with opened(run, client) as socket:
        assert await socket.close_code() == NOT_ALLOWED


async def test_the_socket_closes_at_the_next_push_after_a_permission_was_removed() -> None:
    run, user, client = await watched()
    async with opened(run, client) as socket:
        await in_thread(user.user_permissions.clear)
        await publisher.publish(runs=[run.pk])
        assert await socket.close_code() == NOT_ALLOWED


async def test_the_socket_closes_at_the_next_push_after_the_account_was_deactivated() -> None:
    run, user, client = await watched()
    async with opened(run, client) as socket:
        user.is_active = False
        await in_thread(user.save)
        await publisher.publish(runs=[run.pk])
        assert await socket.close_code() == LOGIN_NEEDED


async def test_the_socket_closes_at_the_next_push_after_the_password_was_changed() -> None:
    run, user, client = await watched()
    async with opened(run, client) as socket:
        user.set_password("another")
        await in_thread(user.save)
        await publisher.publish(runs=[run.pk])
        assert await socket.close_code() == LOGIN_NEEDED


async def test_a_logout_closes_the_sockets_of_that_login_and_no_other() -> None:
    run, user, client = await watched()
    elsewhere = await in_thread(sockets.sign_in, user)
    async with opened(run, client) as socket, opened(run, elsewhere) as other:
        await in_thread(client.post, "/accounts/logout/")
        assert await socket.close_code() == LOGIN_NEEDED
        await publisher.publish(runs=[run.pk])
        assert await other.receive_from(timeout=5)
