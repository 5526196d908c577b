"""Rules for every page: the login, the headers, and the frame around the content."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db

PAGE = "/accounts/"
POLICY = {
    "default-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}


@pytest.fixture
def carol() -> User:
    return User.objects.create_user("carol", password="a long enough password")


def test_a_page_without_a_login_redirects_to_the_login_and_back(client: Client) -> None:
    response = client.get(f"{PAGE}?a=1")
    assert response.status_code == 302
    assert response.headers["Location"] == "/accounts/login/?next=/accounts/%3Fa%3D1"


def test_a_fragment_without_a_login_redirects_its_page_to_the_login(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/requests/1/?q=a"}
    response = client.get(PAGE, headers=headers)
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=/requests/1/%3Fq%3Da"


def test_a_fragment_of_another_site_redirects_to_the_inbox(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://evil.example.com/phish"}
    response = client.get(PAGE, headers=headers)
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=/"


@pytest.mark.parametrize("path", ["/accounts/login/", PAGE, "/admin/"])
def test_every_page_has_the_policy_and_is_not_cached(
    client: Client, carol: User, path: str
) -> None:
    if path != "/accounts/login/":
        carol.is_staff = carol.is_superuser = True
        carol.save()
        client.force_login(carol)
    response = client.get(path)
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert {part.strip() for part in policy.split(";") if part.strip()} == POLICY
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in response.headers["Cache-Control"]
    assert "HX-Request" in response.headers["Vary"]


def test_every_page_shows_that_no_worker_is_alive(client: Client, carol: User) -> None:
    client.force_login(carol)
    assert b"No worker is running" in client.get(PAGE).content


def test_an_unknown_address_has_an_error_page(client: Client, carol: User, settings: Any) -> None:
    client.force_login(carol)
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert b"Page not found" in response.content


def test_a_form_of_an_expired_page_shows_an_error(carol: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(carol)
    response = client.post(PAGE, {"time_zone": "UTC"})
    assert response.status_code == 403
    assert b"Page expired" in response.content


@pytest.mark.parametrize(("seconds", "is_listed"), [(0, False), (10, True)])
def test_the_key_that_undoes_is_listed_only_where_decisions_can_be_undone(
    client: Client, carol: User, settings: Any, seconds: int, is_listed: bool
) -> None:
    settings.UNDO_SECONDS = seconds
    client.force_login(carol)
    page = client.get(PAGE).content
    assert b"<kbd>x</kbd>" in page
    assert (b"<kbd>z</kbd>" in page) == is_listed
