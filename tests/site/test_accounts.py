"""Login, lockout, logout, password, time zone, and the demo accounts."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from approvals.accounts.demo import refuse_demo_accounts
from approvals.models import Preferences

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
ACCOUNT = "/accounts/"
PASSWORD = "a long enough password"


@pytest.fixture
def carol() -> User:
    return User.objects.create_user("carol", password=PASSWORD)


def log_in(client: Client, password: str = PASSWORD, **fields: str) -> Any:
    return client.post(LOGIN, {"username": "carol", "password": password, **fields})


def test_the_login_leads_back_to_the_page_that_asked_for_it(client: Client, carol: User) -> None:
    response = log_in(client, next="/accounts/?a=1")
    assert response.headers["Location"] == "/accounts/?a=1"
    assert client.get(ACCOUNT).status_code == 200


def test_the_login_leads_to_no_other_site(client: Client, carol: User) -> None:
    assert log_in(client, next="https://evil.example.com/").headers["Location"] == "/"


def test_a_wrong_password_says_so_and_keeps_the_name(client: Client, carol: User) -> None:
    response = log_in(client, "wrong")
    assert response.status_code == 200
    assert b'value="carol"' in response.content
    assert b'role="alert"' in response.content


def test_a_login_without_a_request_is_not_counted(client: Client, carol: User) -> None:
    assert client.login(username="carol", password=PASSWORD)
    assert client.get(ACCOUNT).status_code == 200


def test_too_many_failures_lock_the_name_out_from_that_address(
    client: Client, carol: User, settings: Any
) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = log_in(client, "wrong")
    assert response.status_code == 429
    assert b"Too many failed logins" in response.content
    assert log_in(client).status_code == 429, "the right password must not open it either"
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert log_in(elsewhere).status_code == 302


def test_a_login_forgets_the_failures_before_it(client: Client, carol: User, settings: Any) -> None:
    for _ in range(2):
        for _ in range(settings.AXES_FAILURE_LIMIT - 1):
            log_in(client, "wrong")
        assert log_in(client).status_code == 302
        client.logout()


def test_logging_out_takes_a_post(client: Client, carol: User) -> None:
    client.force_login(carol)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get(ACCOUNT).status_code == 302


def test_the_password_can_be_changed(client: Client, carol: User) -> None:
    client.force_login(carol)
    new = "another long password"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/accounts/password/", fields).headers["Location"] == ACCOUNT
    carol.refresh_from_db()
    assert carol.check_password(new)
    assert client.get(ACCOUNT).status_code == 200, "one's own session goes on"


def test_the_time_zone_is_stored_and_used(client: Client, carol: User) -> None:
    client.force_login(carol)
    response = client.post(ACCOUNT, {"time_zone": "Asia/Tokyo"}, follow=True)
    assert b"Times are now shown in Asia/Tokyo" in response.content
    assert Preferences.objects.get(user=carol).time_zone == "Asia/Tokyo"


def test_single_keys_are_on_until_they_are_switched_off(client: Client, carol: User) -> None:
    client.force_login(carol)
    assert b'data-keys="on"' in client.get(ACCOUNT).content
    response = client.post(ACCOUNT, {"time_zone": "UTC"}, follow=True)
    assert b"Single keys are now off" in response.content
    assert b'data-keys="off"' in response.content
    assert b"keys-help" not in response.content
    response = client.post(ACCOUNT, {"time_zone": "UTC", "keys_on": "on"}, follow=True)
    assert b'data-keys="on"' in response.content
    assert b"keys-help" in response.content


def test_a_refused_login_calls_a_name_a_name(client: Client, carol: User) -> None:
    response = client.post("/accounts/login/", {"username": "carol", "password": "wrong"})
    assert b"This name and this password do not belong together" in response.content
    assert b"correct username" not in response.content


def test_an_unknown_time_zone_is_refused(client: Client, carol: User) -> None:
    client.force_login(carol)
    response = client.post(ACCOUNT, {"time_zone": "Mars/Olympus"})
    assert response.status_code == 422
    assert not Preferences.objects.filter(time_zone="Mars/Olympus").exists()


@pytest.mark.parametrize("name", ["Gone/City", "Europe", "/etc/passwd", ""])
def test_a_stored_zone_that_the_machine_lost_does_not_break_pages(
    name: str, client: Client, carol: User
) -> None:
    Preferences.objects.create(user=carol, time_zone=name)
    client.force_login(carol)
    assert client.get(ACCOUNT).status_code == 200


def test_the_admin_uses_the_one_login(client: Client, carol: User) -> None:
    assert client.get("/admin/login/?next=/admin/").headers["Location"] == f"{LOGIN}?next=/admin/"
    client.force_login(carol)
    assert client.get("/admin/", follow=True).status_code == 403, "no staff, and no circle"


def test_a_demo_password_refuses_to_start_outside_debug(settings: Any) -> None:
    User.objects.create_user("alice", password="demo")
    settings.DEBUG = False
    found = run_checks(tags=["database"], databases=["default"])
    assert [message.id for message in found if message.id == "approvals.E001"]


@pytest.mark.django_db(transaction=True)
def test_a_server_refuses_to_start_with_a_demo_password(settings: Any) -> None:
    alice = User.objects.create_user("alice", password="demo")
    refuse_if_debug = settings.DEBUG
    assert not refuse_if_debug
    with pytest.raises(ImproperlyConfigured, match="alice"):
        refuse_demo_accounts()
    alice.set_password("something else")
    alice.save()
    refuse_demo_accounts()


def test_a_demo_password_opens_nothing_outside_debug(client: Client, settings: Any) -> None:
    User.objects.create_user("alice", password="demo")
    assert client.post(LOGIN, {"username": "alice", "password": "demo"}).status_code == 200
    settings.DEBUG = True
    assert client.post(LOGIN, {"username": "alice", "password": "demo"}).status_code == 302
