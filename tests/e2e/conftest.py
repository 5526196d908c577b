"""The databases that servers are tried on."""

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
    """The empty rows of a server: in a file, and on the tests' PostgreSQL where there is one."""
    folder = tmp_path_factory.mktemp("server") / "var"
    if request.param == "sqlite":
        yield Database(folder)
        return
    with private_database() as url:
        yield Database(folder, url)


@pytest.fixture(scope="session")
def everyday(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server with the demo, for tests that leave each other's requests alone.

    It has the workflows of `hostile_site`, too: one of them fails, as none of the examples does.
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
    """Two servers and two workers on a PostgreSQL and a Redis of their own, with the demo."""
    with private_site() as running:
        yield running


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """Every page in every state that looks different; nobody may move anything there."""
    with gallery(tmp_path_factory.mktemp("gallery") / "var") as running:
        yield running


@contextmanager
def private_database() -> Iterator[str]:
    """Make a database beside the tests' own, yield its address, and drop it."""
    name = f"blazen_whole_{os.getpid()}"
    with psycopg.connect(external_services.DATABASE, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{external_services.DATABASE.rpartition('/')[0]}/{name}"
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)
