"""The socket of a run page: it says when to read again, and only to those who may look."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from tests.support import sockets
from tests.support.factories import make_request, make_run, make_user
from tests.support.sockets import Socket, in_thread
from workflows.consumers import websocket_urlpatterns
from workflows.models import InputRequest, WorkflowRun
from workflows.realtime import publisher
from workflows.sockets.consumer import LOGIN_NEEDED, NOT_ALLOWED
from workflows.sockets.login_checks import LoginChecks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))


def opened(run: WorkflowRun, client: Client | None) -> AbstractAsyncContextManager[Socket]:
    """Open the run's socket."""
    return sockets.opened(application, f"/ws/runs/{run.pk}/", client)


async def watched() -> tuple[WorkflowRun, User, Client]:
    user = await in_thread(make_user, "olga", "workflows.view_workflowrun")
    return await in_thread(make_run), user, await in_thread(sockets.sign_in, user)


@pytest.fixture
def only_by_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check logins when a message says so, and never regularly."""
    monkeypatch.setattr(LoginChecks, "interval", 3600.0)


@pytest.fixture
def only_regularly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check logins regularly, and often."""
    monkeypatch.setattr(LoginChecks, "interval", 0.05)


async def test_a_change_of_the_run_lets_its_page_read() -> None:
    run, _, client = await watched()
    async with opened(run, client) as socket:
        assert await socket.message() == {"n": 1, "read": True, "spread": 0}
        await publisher.publish(runs=[run.pk])
        assert await socket.message() == {"n": 2, "read": True, "spread": 0}


async def test_a_verb_lets_the_page_read_after_its_commit() -> None:
    run, _, client = await watched()
    async with opened(run, client) as socket:
        await socket.expect_read()
        await in_thread(run.pause)
        await socket.expect_read()


async def test_a_burst_of_changes_is_two_messages_at_most() -> None:
    run, _, client = await watched()
    async with opened(run, client) as socket:
        await socket.expect_read()
        for _ in range(50):
            await publisher.publish(runs=[run.pk])
        await socket.expect_read()
        for _ in range(50):
            await publisher.publish(runs=[run.pk])
        await socket.expect_read()
        assert await socket.receive_nothing(timeout=1.5)


async def test_the_socket_gets_no_message_of_another_run() -> None:
    run, _, client = await watched()
    other = await in_thread(make_run)
    async with opened(run, client) as socket:
        await socket.expect_read()
        await publisher.publish(runs=[other.pk])
        assert await socket.receive_nothing(timeout=0.8)


async def test_without_a_login_the_socket_closes_with_its_own_code() -> None:
    run = await in_thread(make_run)
    async with opened(run, None) as socket:
        assert await socket.close_code() == LOGIN_NEEDED


async def test_a_run_that_is_not_visible_closes_with_its_own_code() -> None:
    run = await in_thread(make_run)
    client = await in_thread(sockets.sign_in, await in_thread(make_user, "mallory"))
    async with opened(run, client) as socket:
        assert await socket.close_code() == NOT_ALLOWED


@pytest.mark.usefixtures("only_by_message")
async def test_a_permission_that_is_taken_away_closes_at_once() -> None:
    run, user, client = await watched()
    async with opened(run, client) as socket:
        await socket.expect_read()
        await in_thread(user.user_permissions.clear)
        assert await socket.close_code() == NOT_ALLOWED


@pytest.mark.usefixtures("only_by_message")
async def test_an_account_that_is_switched_off_closes_at_once() -> None:
    run, user, client = await watched()
    async with opened(run, client) as socket:
        await socket.expect_read()
        user.is_active = False
        await in_thread(user.save)
        assert await socket.close_code() == LOGIN_NEEDED


@pytest.mark.usefixtures("only_by_message")
async def test_a_changed_password_closes_at_once() -> None:
    run, user, client = await watched()
    async with opened(run, client) as socket:
        await socket.expect_read()
        user.set_password("another")
        await in_thread(user.save)
        assert await socket.close_code() == LOGIN_NEEDED


@pytest.mark.usefixtures("only_regularly")
async def test_what_sql_takes_away_closes_at_the_next_regular_check() -> None:
    run, user, client = await watched()
    async with opened(run, client) as socket:
        await socket.expect_read()
        await in_thread(User.objects.filter(pk=user.pk).update, is_active=False)
        assert await socket.close_code() == LOGIN_NEEDED


@pytest.mark.usefixtures("only_regularly")
async def test_a_session_that_ends_by_itself_closes_at_the_next_regular_check() -> None:
    run, _, client = await watched()
    async with opened(run, client) as socket:
        await socket.expect_read()
        past = timezone.now() - timedelta(seconds=1)
        await in_thread(Session.objects.update, expire_date=past)
        assert await socket.close_code() == LOGIN_NEEDED


async def test_a_run_that_becomes_hidden_closes_at_its_next_change() -> None:
    user = await in_thread(make_user, "rita", "approvals.add_decision")
    run = await in_thread(make_run)
    request = await in_thread(make_request, run)
    client = await in_thread(sockets.sign_in, user)
    async with opened(run, client) as socket:
        await socket.expect_read()
        await in_thread(InputRequest.objects.filter(pk=request.pk).update, assigned=True)
        await publisher.publish(runs=[run.pk])
        assert await socket.close_code() == NOT_ALLOWED


@pytest.mark.usefixtures("only_by_message")
async def test_a_logout_closes_the_sockets_of_that_login_and_no_other() -> None:
    run, user, client = await watched()
    elsewhere = await in_thread(sockets.sign_in, user)
    async with opened(run, client) as socket, opened(run, elsewhere) as other:
        await socket.expect_read()
        await other.expect_read()
        await in_thread(client.post, "/accounts/logout/")
        assert await socket.close_code() == LOGIN_NEEDED
        await publisher.publish(runs=[run.pk])
        await other.expect_read()
