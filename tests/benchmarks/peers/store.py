"""The storage of the peers: a folder and a schema of the given database for each."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

VARIABLE = "BENCH_DATABASE_URL"

NAP = 5.0
"""Seconds between two VACUUMs. Autovacuum waits a minute, too."""

CHANGED = """
    SELECT format('%s %I.%I', CASE WHEN n_dead_tup > 50 + 0.2 * n_live_tup
        THEN 'VACUUM ANALYZE' ELSE 'ANALYZE' END, schemaname, relname)
    FROM pg_stat_user_tables
    WHERE schemaname = current_schema() AND n_mod_since_analyze > 50 + 0.1 * n_live_tup
"""


def database() -> str:
    """Return the address of the PostgreSQL for measurements, in a form for all peers, or ""."""
    return os.environ.get(VARIABLE, "").replace("postgres://", "postgresql://", 1)


@contextmanager
def packages(folder: Path, schema: str) -> Iterator[None]:
    """Make an empty folder and an empty schema for a peer, and delete them afterwards."""
    _clear(folder, schema)
    folder.mkdir(parents=True)
    _execute("CREATE SCHEMA {}", schema)
    try:
        with kept_in_order(make_conninfo(database(), options=f"-c search_path={schema}")):
            yield
    finally:
        _clear(folder, schema)


@contextmanager
def kept_in_order(address: str) -> Iterator[None]:
    """VACUUM the schema of this address, if autovacuum is switched off in the server.

    Otherwise query plans for empty tables would be used for full ones.
    """
    over = threading.Event()

    def keep() -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            setting = connection.execute("SHOW autovacuum").fetchone()
            while setting == ("off",) and not over.wait(NAP):
                for (statement,) in connection.execute(CHANGED).fetchall():
                    connection.execute(statement)

    keeper = threading.Thread(target=keep)
    if database():
        keeper.start()
    try:
        yield
    finally:
        over.set()
        if database():
            keeper.join()


def _clear(folder: Path, schema: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _execute("DROP SCHEMA IF EXISTS {} CASCADE", schema)


def _execute(statement: str, schema: str) -> None:
    if address := database():
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(SQL(statement).format(Identifier(schema)))
