"""The logins of many sessions, read together: who Django finds behind each, with their rights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tests.support.factories import make_user
from tests.support.sockets import sign_in
from workflows.models.requests.audience import Viewer
from workflows.sockets.logins import PERMISSIONS, viewers_of

pytestmark = pytest.mark.django_db


def key_of(client: Client) -> str:
    key = client.session.session_key
    assert key is not None
    return key


def expected(session: SessionBase) -> Viewer | None:
    """Return the person as Django finds them at a request; None without a valid login."""
    http = HttpRequest()
    http.session = session
    user = get_user(http)
    if not isinstance(user, User):
        return None
    permissions = frozenset(str(one) for one in PERMISSIONS if user.has_perm(one))
    return Viewer(user.pk, permissions, frozenset(user.groups.values_list("pk", flat=True)))


def read(client: Client, key: str) -> Viewer | None:
    """Return who is behind this session, and check that Django says the same."""
    found = viewers_of([key]).get(key)
    client.cookies["sessionid"] = key
    assert found == expected(client.session)
    return found


def test_a_person_has_what_they_and_their_groups_have() -> None:
    user = make_user("rita", "approvals.add_decision")
    group = Group.objects.create(name="auditors")
    group.permissions.add(Permission.objects.get(codename="view_inputrequest"))
    user.groups.add(group)
    client = sign_in(user)
    found = read(client, key_of(client))
    rights = frozenset({"approvals.add_decision", "workflows.view_inputrequest"})
    assert found == Viewer(user.pk, rights, frozenset({group.pk}))


def test_a_superuser_has_every_permission() -> None:
    client = sign_in(make_user("root", is_superuser=True))
    found = read(client, key_of(client))
    assert found is not None
    assert found.permissions == {str(one) for one in PERMISSIONS}


def switch_off(user: User, client: Client) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User, client: Client) -> None:
    user.set_password("another")
    user.save()


def delete(user: User, client: Client) -> None:
    user.delete()


def expire(user: User, client: Client) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(pk=key_of(client)).update(expire_date=past)


def forget(user: User, client: Client) -> None:
    Session.objects.all().delete()


def lose_the_hash(user: User, client: Client) -> None:
    session = client.session
    del session["_auth_user_hash"]
    session.save()


def name_another_way_in(user: User, client: Client) -> None:
    session = client.session
    session["_auth_user_backend"] = "gone.Backend"
    session.save()


@pytest.mark.parametrize(
    "end",
    [
        switch_off, change_password, delete, expire, forget, lose_the_hash, name_another_way_in,
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_superuser", [True, False])
def test_a_login_that_is_not_valid_any_more_has_nobody(
    end: Callable[[User, Client], None], is_superuser: bool
) -> None:
    user = make_user("rita", "approvals.add_decision", is_superuser=is_superuser)
    client = sign_in(user)
    key = key_of(client)
    assert read(client, key) is not None
    end(user, client)
    assert read(client, key) is None


def test_after_a_logout_nobody_is_behind_the_session() -> None:
    client = sign_in(make_user("rita"))
    key = key_of(client)
    client.post("/accounts/logout/")
    assert viewers_of([key]) == {}


def test_a_login_made_with_a_key_that_was_replaced_is_valid(settings: Settings) -> None:
    client = sign_in(make_user("rita"))
    key = key_of(client)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert viewers_of([key]).keys() == {key}
    settings.SECRET_KEY_FALLBACKS = []
    assert viewers_of([key]) == {}


@pytest.mark.parametrize("seed", range(4))
def test_random_people_are_read_together_as_django_reads_each(seed: int) -> None:
    random = Random(seed)
    groups = [Group.objects.create(name=f"group {number}") for number in range(4)]
    rights = Permission.objects.filter(codename__in=[one.split(".")[1] for one in PERMISSIONS])
    for group in groups:
        group.permissions.set([one for one in rights if random.random() < 0.3])
    clients = []
    for number in range(12):
        user = make_user(f"person {number}", is_superuser=random.random() < 0.2)
        user.groups.set([one for one in groups if random.random() < 0.4])
        user.user_permissions.set([one for one in rights if random.random() < 0.3])
        clients += [sign_in(user) for _ in range(random.choice((1, 2)))]
        if random.random() < 0.3:
            random.choice((switch_off, change_password))(user, clients[-1])
    found = viewers_of([key_of(client) for client in clients])
    for client in clients:
        assert found.get(key_of(client)) == expected(client.session)
    assert 0 < len(found) < len(clients)


def test_the_number_of_queries_does_not_grow_with_the_people(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    keys = [key_of(sign_in(make_user(f"person {number}"))) for number in range(20)]
    with django_assert_max_num_queries(6):
        assert len(viewers_of(keys)) == 20
