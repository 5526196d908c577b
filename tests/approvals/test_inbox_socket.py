"""The inbox's socket: who gets one, what it says, and when it closes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from approvals.live.inbox_pages import InboxPages
from blazen_site.asgi import application
from tests.support import sockets
from tests.support.factories import make_request, make_reviewer, make_user
from tests.support.sockets import Socket, in_thread
from workflows.models import InputRequest
from workflows.realtime import publisher
from workflows.realtime.messages import request_messages
from workflows.sockets.login_checks import LoginChecks

pytestmark = [pytest.mark.django_db(transaction=True)]

SITE = "http://testserver"


@pytest.fixture
def only_by_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check logins when a message says so, and never regularly."""
    monkeypatch.setattr(LoginChecks, "interval", 3600.0)


class Desks:
    """Opens inboxes, and closes them at the end of the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def open(self, user: User | Client | None, *, origin: str = SITE) -> Socket:
        """Return the socket of an open inbox of this person, or of this browser."""
        client = await in_thread(sockets.sign_in, user) if isinstance(user, User) else user
        opened = sockets.opened(application, "/ws/inbox/", client, origin=origin)
        return await self._stack.enter_async_context(opened)

    async def open_read(self, user: User | Client | None) -> Socket:
        """Return such a socket after it has let the page read for the first time."""
        socket = await self.open(user)
        await socket.expect_read()
        return socket


@pytest.fixture
async def desks() -> AsyncIterator[Desks]:
    async with AsyncExitStack() as stack:
        yield Desks(stack)


async def reviewer(name: str = "alice") -> User:
    return await in_thread(make_reviewer, name)


async def change(*requests: InputRequest) -> None:
    """Publish in the way of a view, behind all that was published before."""
    messages = request_messages(changed=[one.pk for one in requests])
    await in_thread(publisher.enqueue, messages)


async def test_the_first_message_lets_the_page_read(desks: Desks) -> None:
    socket = await desks.open(await reviewer())
    assert await socket.message() == {"n": 1, "read": True, "spread": 0.0}


async def test_a_page_is_told_that_a_request_was_answered_and_nothing_of_its_text(
    desks: Desks,
) -> None:
    user = await reviewer()
    socket = await desks.open_read(user)
    request = await in_thread(make_request, prompt="zqpromptqz", payload={"zqkeyqz": "zqvalueqz"})
    await in_thread(request.answer, {"comment": "zqanswerqz"}, by=user, source="inbox")
    text = await socket.receive_from(timeout=10)
    assert f'"changes":[{{"id":"{request.pk}","kind":"removed"}}]' in text
    assert "zq" not in text


async def test_many_changes_at_once_are_one_message(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first change is sent to the pages at once. What changes afterwards waits for this long.
    monkeypatch.setattr(InboxPages, "min_interval", 3.0)
    monkeypatch.setattr(InboxPages, "max_interval", 3.0)
    socket = await desks.open_read(await reviewer())
    requests = [await in_thread(make_request) for _ in range(20)]
    await change(requests[0])
    assert [one["id"] for one in (await socket.message())["changes"]] == [str(requests[0].pk)]
    for request in requests:
        await change(request)
        await change(request)
    message = await socket.message()
    assert message["n"] == 3
    assert sorted(one["id"] for one in message["changes"]) == sorted(
        str(one.pk) for one in requests
    )


async def test_an_answered_request_is_told_once(desks: Desks) -> None:
    user = await reviewer()
    socket = await desks.open_read(user)
    request, last = await in_thread(make_request), await in_thread(make_request)
    await in_thread(request.answer, {"approved": True}, by=user, source="inbox")
    await change(last)
    assert await socket.changes(last.pk) == [{"id": str(request.pk), "kind": "removed"}]


async def test_the_number_of_a_message_grows_by_one(desks: Desks) -> None:
    socket, request = await desks.open_read(await reviewer()), await in_thread(make_request)
    for number in (2, 3, 4):
        await change(request)
        assert (await socket.message())["n"] == number


async def test_who_is_told_nothing_of_a_change_keeps_the_number(desks: Desks) -> None:
    socket = await desks.open_read(await reviewer())
    hidden, shown = await in_thread(make_request, assigned=True), await in_thread(make_request)
    await change(hidden)
    await change(shown)
    message = await socket.message()
    assert (message["n"], [one["id"] for one in message["changes"]]) == (2, [str(shown.pk)])


async def test_without_a_login_the_socket_closes(desks: Desks) -> None:
    socket = await desks.open(None)
    assert await socket.close_code() == 4401


async def test_without_permission_the_socket_closes(desks: Desks) -> None:
    socket = await desks.open(await in_thread(make_user, "carol"))
    assert await socket.close_code() == 4403


@pytest.mark.parametrize("origin", ["http://evil.example", ""])
async def test_a_page_of_another_site_gets_no_socket(desks: Desks, origin: str) -> None:
    user = await reviewer()
    with pytest.raises(AssertionError, match="refused"):
        await desks.open(user, origin=origin)


@pytest.mark.usefixtures("only_by_message")
async def test_a_logout_closes_the_socket(desks: Desks) -> None:
    user, request = await reviewer(), await in_thread(make_request)
    client = await in_thread(sockets.sign_in, user)
    socket, other = await desks.open_read(client), await desks.open_read(user)
    await in_thread(client.post, "/accounts/logout/")
    assert await socket.close_code() == 4401
    await change(request)
    assert (await other.message())["changes"][0]["id"] == str(request.pk)


def lose_permission(user: User) -> None:
    user.user_permissions.clear()


def be_switched_off(user: User) -> None:
    user.is_active = False
    user.save()


def change_password(user: User) -> None:
    user.set_password("another")
    user.save()


def be_deleted(user: User) -> None:
    user.delete()


LOSSES = [(lose_permission, 4403), (be_switched_off, 4401), (change_password, 4401),
          (be_deleted, 4401)]  # fmt: skip


@pytest.mark.usefixtures("only_by_message")
@pytest.mark.parametrize(("lose", "code"), LOSSES)
async def test_who_loses_their_right_loses_the_socket_at_once(
    desks: Desks, lose: Any, code: int
) -> None:
    user, request = await reviewer(), await in_thread(make_request)
    socket = await desks.open_read(user)
    await in_thread(lose, user)
    await change(request)  # of which they are sent nothing
    assert await socket.close_code() == code


def switch_off_by_sql(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password_by_sql(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password="another")


def leave_group_by_sql(user: User) -> None:
    User.groups.through.objects.filter(user=user).delete()


def take_permission_by_sql(user: User) -> None:
    Group.permissions.through.objects.all().delete()


@pytest.mark.parametrize(
    ("lose", "code"),
    [
        (switch_off_by_sql, 4401), (change_password_by_sql, 4401), (leave_group_by_sql, 4403),
        (take_permission_by_sql, 4403),
    ],
)  # fmt: skip
async def test_who_loses_their_right_by_sql_loses_the_socket_at_the_next_check(
    desks: Desks, lose: Any, code: int
) -> None:
    user = await in_thread(make_user, "rita")
    reviewers = await in_thread(Group.objects.get, name="reviewers")
    await in_thread(user.groups.add, reviewers)
    socket = await desks.open_read(user)
    await in_thread(lose, user)
    assert await socket.close_code() == code


@pytest.mark.usefixtures("only_by_message")
async def test_who_gets_another_right_reads_again(desks: Desks) -> None:
    user = await reviewer()
    hidden = await in_thread(make_request, assigned=True)
    socket = await desks.open_read(user)
    group = await in_thread(Group.objects.create, name="finance")
    await in_thread(hidden.assignments.create, group=group)
    await in_thread(user.groups.add, group)
    await socket.expect_read()
    await change(hidden)
    assert (await socket.message())["changes"][0]["id"] == str(hidden.pk)
    await in_thread(group.user_set.clear)
    await socket.expect_read()
    await change(hidden)
    last = await in_thread(make_request)
    await change(last)
    assert await socket.changes(last.pk) == []


@pytest.mark.usefixtures("only_by_message")
async def test_a_login_says_nothing_to_pages_that_are_open(desks: Desks) -> None:
    user, last = await reviewer(), await in_thread(make_request)
    socket = await desks.open_read(user)
    await in_thread(sockets.sign_in, user)
    await change(last)
    assert (await socket.message())["n"] == 2
