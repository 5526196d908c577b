"""The limit of the machine: commits of one row in a second, without code of this project."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg


def sqlite_commits(folder: Path, seconds: float = 1.0) -> float:
    """Return single-row commits/s of SQLite with the write-ahead log and full synchronisation."""
    path = folder / "limit.sqlite3"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, text TEXT)")
        count, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            connection.execute("INSERT INTO one (text) VALUES ('a')")
            count += 1
    path.unlink()
    return count / passed


def postgresql_commits(url: str, clients: int, seconds: float = 1.0) -> float:
    """Return single-row insert commits/s of PostgreSQL, of all clients together."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_limit")
        connection.execute("CREATE TABLE bench_limit (id bigserial PRIMARY KEY, text text)")
    counts = [0] * clients
    ready = threading.Barrier(clients)

    def insert(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            ready.wait()
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                connection.execute("INSERT INTO bench_limit (text) VALUES ('a')")
                counts[number] += 1

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE bench_limit")
    return sum(counts) / seconds
