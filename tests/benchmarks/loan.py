"""Large tables for temporary use: their rows are restored afterwards."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from tests.benchmarks import flows, large
from tests.benchmarks.peers import store

HELD = ("inputrequest", "delivery", "journalentry", "snapshot")  # the rows of a run of `flows`


@contextmanager
def borrowed(kind: str, waiting: int, finished: int) -> Iterator[dict[str, str]]:
    """Yield the environment of processes that may write to such tables."""
    url = large.tables(kind, waiting, finished)
    with tempfile.TemporaryDirectory(prefix="loan-", dir=large.ROOT) as folder:
        if kind == "postgresql":
            try:
                with store.kept_in_order(url):
                    yield large.environment(url, Path(folder))
            finally:
                give_back(url)
        else:
            copy = Path(folder).absolute() / "copy.sqlite3"
            shutil.copyfile(url.removeprefix("sqlite:///"), copy)
            forget_statistics(copy)
            yield large.environment(f"sqlite:///{copy}", Path(folder))


def forget_statistics(path: Path) -> None:
    """Delete SQLite's statistics, because a real file has none: ANALYZE is never run there."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM sqlite_stat1")


def give_back(url: str) -> None:
    """Delete the measured runs with their rows, and the account that started them."""
    runs = "IN (SELECT id FROM workflows_workflowrun WHERE workflow = %(workflow)s)"
    asked = f"IN (SELECT id FROM workflows_inputrequest WHERE run_id {runs})"
    person = "IN (SELECT id FROM auth_user WHERE username = %(person)s)"
    places = [
        f"approvals_decision WHERE request_id {asked}",
        *(f"workflows_{name} WHERE run_id {runs}" for name in HELD),
        f"workflows_workflowrun WHERE id {runs}",
        f"auth_user_groups WHERE user_id {person}",
        f"auth_user WHERE id {person}",
    ]
    with psycopg.connect(url) as connection:
        for place in places:
            statement = f"DELETE FROM {place}".encode()
            connection.execute(statement, {"workflow": flows.CYCLE.name, "person": flows.PERSON})
