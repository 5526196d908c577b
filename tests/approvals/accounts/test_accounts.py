"""Login, lockout, logout, password, time zone, and the demo accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessFailureLog
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

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


def test_a_wrong_password_shows_an_error_and_keeps_the_user_name(
    client: Client, carol: User
) -> None:
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
    assert log_in(client).status_code == 429, "the right password must be refused, too"
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert log_in(elsewhere).status_code == 302


def test_a_successful_login_does_not_delete_failures(
    client: Client, carol: User, settings: Any
) -> None:
    for _ in range(settings.LOGIN_FAILURE_LIMIT - 1):
        log_in(client, "wrong")
    assert log_in(client).status_code == 302
    client.logout()
    assert log_in(client, "wrong").status_code == 429
    assert log_in(client).status_code == 429


def test_failures_are_counted_for_a_quarter_of_an_hour(
    client: Client, carol: User, settings: Any
) -> None:
    for _ in range(settings.LOGIN_FAILURE_LIMIT - 1):
        log_in(client, "wrong")
    past = timezone.now() - timedelta(minutes=16)
    AccessFailureLog.objects.update(attempt_time=past)
    assert log_in(client, "wrong").status_code == 200
    assert AccessFailureLog.objects.count() == 1, "expired failures are deleted"


def test_an_address_that_tries_many_names_is_locked(client: Client, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 7
    for n in range(7):
        response = client.post(LOGIN, {"username": f"name{n}", "password": "wrong"})
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) == 900
    assert log_in(client).status_code == 429
    assert log_in(Client(REMOTE_ADDR="192.0.2.7"), "wrong").status_code == 200


def test_a_name_that_many_addresses_try_is_locked_but_not_for_its_owner(
    carol: User, settings: Any
) -> None:
    settings.LOGIN_FAILURES_PER_NAME = 6
    home = Client(REMOTE_ADDR="198.51.100.7")
    assert log_in(home).status_code == 302
    home.logout()
    for n in range(6):
        log_in(Client(REMOTE_ADDR=f"192.0.2.{n}"), "wrong")
    assert log_in(Client(REMOTE_ADDR="192.0.2.200")).status_code == 429, "an unknown address"
    assert log_in(home).status_code == 302, "where she has logged in before"


def test_a_forwarded_address_counts_only_from_a_trusted_proxy(carol: User, settings: Any) -> None:
    def tries(number: int) -> list[int]:
        return [
            log_in(Client(headers={"X-Forwarded-For": f"6.6.6.6, 203.0.113.{n}"}), "no").status_code
            for n in range(number)
        ]

    limit = settings.LOGIN_FAILURE_LIMIT
    assert tries(limit)[-1] == 429, "a header that anybody can set must not hide the client"
    AccessFailureLog.objects.all().delete()
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    assert set(tries(limit + 1)) == {200}, "each is another person behind the proxy"


def test_addresses_of_one_ipv6_network_count_as_one(carol: User, settings: Any) -> None:
    for n in range(settings.LOGIN_FAILURE_LIMIT):
        response = log_in(Client(REMOTE_ADDR=f"2001:db8:1:2::{n:x}"), "wrong")
    assert response.status_code == 429
    assert log_in(Client(REMOTE_ADDR="2001:db8:1:3::1")).status_code == 302


def test_logging_out_needs_a_post(client: Client, carol: User) -> None:
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
    assert client.get(ACCOUNT).status_code == 200, "the session of the person continues"


def test_the_time_zone_is_stored_and_used(client: Client, carol: User) -> None:
    client.force_login(carol)
    response = client.post(ACCOUNT, {"time_zone": "Asia/Tokyo"}, follow=True)
    assert b"Times are now shown in Asia/Tokyo" in response.content
    assert Preferences.objects.get(user=carol).time_zone == "Asia/Tokyo"


def test_keyboard_shortcuts_are_on_until_they_are_switched_off(client: Client, carol: User) -> None:
    client.force_login(carol)
    assert b'data-shortcuts="on"' in client.get(ACCOUNT).content
    response = client.post(ACCOUNT, {"time_zone": "UTC"}, follow=True)
    assert b"Keyboard shortcuts are now off" in response.content
    assert b'data-shortcuts="off"' in response.content
    assert b'id="shortcuts"' not in response.content
    response = client.post(ACCOUNT, {"time_zone": "UTC", "keys_on": "on"}, follow=True)
    assert b'data-shortcuts="on"' in response.content
    assert b'id="shortcuts"' in response.content


def test_the_error_of_a_login_names_the_user_name_field(client: Client, carol: User) -> None:
    response = client.post("/accounts/login/", {"username": "carol", "password": "wrong"})
    assert b"Wrong name or password" in response.content
    assert b"correct username" not in response.content


def test_an_unknown_time_zone_is_refused(client: Client, carol: User) -> None:
    client.force_login(carol)
    response = client.post(ACCOUNT, {"time_zone": "Mars/Olympus"})
    assert response.status_code == 422
    assert not Preferences.objects.filter(time_zone="Mars/Olympus").exists()


@pytest.mark.parametrize("name", ["Gone/City", "Europe", "/etc/passwd", ""])
def test_a_stored_time_zone_that_no_longer_exists_does_not_break_pages(
    name: str, client: Client, carol: User
) -> None:
    Preferences.objects.create(user=carol, time_zone=name)
    client.force_login(carol)
    assert client.get(ACCOUNT).status_code == 200


def test_the_admin_uses_the_one_login(client: Client, carol: User) -> None:
    assert client.get("/admin/login/?next=/admin/").headers["Location"] == f"{LOGIN}?next=/admin/"
    client.force_login(carol)
    assert client.get("/admin/", follow=True).status_code == 403, "not staff, and no redirect loop"


def test_demo_passwords_prevent_a_start_without_debug(settings: Any) -> None:
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


def test_demo_passwords_are_refused_without_debug(client: Client, settings: Any) -> None:
    User.objects.create_user("alice", password="demo")
    assert client.post(LOGIN, {"username": "alice", "password": "demo"}).status_code == 200
    settings.DEBUG = True
    assert client.post(LOGIN, {"username": "alice", "password": "demo"}).status_code == 302
