"""The health checks `/healthz` and `/readyz`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from channels_redis.core import RedisChannelLayer
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from tests.support import external_services
from workflows.models import WorkerHeartbeat


def broken(*_: object) -> None:
    """Fail like a database that is not reachable."""
    raise OperationalError("the database is away")


@pytest.mark.django_db
def test_the_health_check_needs_no_login_and_no_worker(client: Client) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"database": "ok", "worker_seconds": None}


@pytest.mark.django_db
def test_the_health_check_has_the_age_of_the_last_heartbeat(client: Client) -> None:
    now = timezone.now()
    for name, age in (("old", 90), ("new", 40)):
        seen = now - timedelta(seconds=age)
        WorkerHeartbeat.objects.create(id=name, started_at=seen, seen_at=seen)
    response = client.get("/healthz")
    assert response.status_code == 200, "a missing worker is not a failure of the web process"
    assert 40 <= response.json()["worker_seconds"] < 90


@pytest.mark.django_db
def test_the_health_check_fails_only_without_the_database(client: Client) -> None:
    with connection.execute_wrapper(broken):
        response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"database": "failed", "worker_seconds": None}


@pytest.mark.django_db
def test_the_health_check_is_never_redirected(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/accounts/login/").status_code == 301


READY = {"database": "ok", "migrations": "ok", "layer": "none"}


@pytest.fixture
def memory(settings: Any) -> None:
    """Use the channel layer of the embedded mode."""
    backend = "channels.layers.InMemoryChannelLayer"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend}}


@pytest.mark.django_db
@pytest.mark.usefixtures("memory")
def test_it_is_ready_without_a_login_and_never_redirected(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, READY)
    assert client.post("/readyz").status_code == 405


@pytest.mark.django_db
@pytest.mark.usefixtures("memory")
def test_it_is_not_ready_without_its_database(client: Client) -> None:
    with connection.execute_wrapper(broken):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == READY | {"database": "failed", "migrations": "unknown"}


@pytest.mark.django_db
@pytest.mark.usefixtures("memory")
def test_new_code_is_not_ready_before_its_migrations(client: Client) -> None:
    recorder = MigrationRecorder(connection)
    newest = recorder.migration_qs.filter(app="workflows").latest("id")
    recorder.record_unapplied("workflows", newest.name)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == READY | {"migrations": "missing"}


@pytest.mark.django_db
@pytest.mark.usefixtures("memory")
def test_old_code_stays_ready_when_the_database_is_ahead(client: Client) -> None:
    MigrationRecorder(connection).record_applied("workflows", "9999_of_tomorrow")
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_it_is_not_ready_without_its_channel_layer(client: Client, settings: Any) -> None:
    nobody = {"hosts": ["redis://127.0.0.1:1"]}  # no Redis uses this port
    backend = f"{RedisChannelLayer.__module__}.{RedisChannelLayer.__name__}"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": nobody}}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == READY | {"layer": "failed"}


@pytest.mark.django_db
def test_it_is_ready_on_the_services_of_the_tests(client: Client) -> None:
    layer = "ok" if external_services.REDIS else "none"
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, READY | {"layer": layer})
