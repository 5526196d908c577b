"""Where the peers keep their rows: a folder, and a schema each of the database that was named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

VARIABLE = "BENCH_DATABASE_URL"


def database() -> str:
    """Return the address of the PostgreSQL to measure on, or "", as every peer can read it."""
    return os.environ.get(VARIABLE, "").replace("postgres://", "postgresql://", 1)


@contextmanager
def rooms(folder: Path, schema: str) -> Iterator[None]:
    """Give a peer an empty folder and an empty schema, and take them away afterwards."""
    _clear(folder, schema)
    folder.mkdir(parents=True)
    _execute("CREATE SCHEMA {}", schema)
    try:
        yield
    finally:
        _clear(folder, schema)


def _clear(folder: Path, schema: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _execute("DROP SCHEMA IF EXISTS {} CASCADE", schema)


def _execute(statement: str, schema: str) -> None:
    if address := database():
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(SQL(statement).format(Identifier(schema)))
