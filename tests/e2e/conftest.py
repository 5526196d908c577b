"""The databases and servers of these tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from tests.e2e.database import Database
from tests.e2e.private_servers import Site, private_site
from tests.e2e.screenshots.site import Gallery, gallery
from tests.e2e.server import ServeProcess
from tests.support import external_services

KINDS = (
    ["sqlite", "postgresql"] if external_services.DATABASE.startswith("postgres") else ["sqlite"]
)


@pytest.fixture(scope="module", params=KINDS)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """An empty database for a server: an SQLite file, and PostgreSQL if the tests have one."""
    folder = tmp_path_factory.mktemp("server") / "var"
    if request.param == "sqlite":
        yield Database(folder)
        return
    with private_database() as url:
        yield Database(folder, url)


@pytest.fixture(scope="session")
def everyday(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server with the demo data, for tests that do not change each other's requests.

    It has the workflows of `xss_site`, too, because one of them fails; no example does.
    """
    settings = "tests.e2e.xss_site.settings"
    folder = tmp_path_factory.mktemp("everyday")
    running = ServeProcess(folder, "--noreload", DJANGO_SETTINGS_MODULE=settings)
    try:
        yield running.wait_until_healthy()
    finally:
        running.kill()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Two servers and two workers with their own PostgreSQL and Redis, and the demo data."""
    with private_site() as running:
        yield running


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """A server for all pages in all states that look different. Tests must not change its rows."""
    with gallery(tmp_path_factory.mktemp("gallery") / "var") as running:
        yield running


@contextmanager
def private_database() -> Iterator[str]:
    """Make a database beside that of the tests, yield its address, and drop it afterwards."""
    name = f"blazen_whole_{os.getpid()}"
    with psycopg.connect(external_services.DATABASE, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{external_services.DATABASE.rpartition('/')[0]}/{name}"
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)
