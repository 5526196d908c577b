"""`/healthz`, as a load balancer sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from workflows.models import Worker


def broken(*_: object) -> None:
    """Stand for a database that is away."""
    raise OperationalError("the database is away")


@pytest.mark.django_db
def test_it_needs_no_login_and_knows_no_worker(client: Client) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"database": "ok", "worker_seconds": None}


@pytest.mark.django_db
def test_it_says_when_the_newest_worker_was_seen(client: Client) -> None:
    now = timezone.now()
    for name, age in (("old", 90), ("new", 40)):
        seen = now - timedelta(seconds=age)
        Worker.objects.create(id=name, started_at=seen, seen_at=seen)
    response = client.get("/healthz")
    assert response.status_code == 200, "a missing worker is for an alarm to judge"
    assert 40 <= response.json()["worker_seconds"] < 90


@pytest.mark.django_db
def test_it_fails_only_with_the_database(client: Client) -> None:
    with connection.execute_wrapper(broken):
        response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"database": "failed", "worker_seconds": None}


@pytest.mark.django_db
def test_it_is_never_redirected(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/accounts/login/").status_code == 301
