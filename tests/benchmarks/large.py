"""Large tables, made once and reused, with given numbers of pending and ended requests.

`tables` returns the address of a database that has them. They are kept under `var/bench`, or in a
schema of the given PostgreSQL, and made again when a migration or this module has changed. Each
request has its own run. Open and finished ones alternate over a year, as in tables that grew.
Code that writes to them has to undo it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from tests.benchmarks.peers import store

ROOT = Path(os.environ.get("BENCH_ROOT", "var/bench"))
PREFIX = "large"


def tables(kind: str, waiting: int = 100_000, finished: int = 1_000_000) -> str:
    """Return the address of the tables in "sqlite" or "postgresql"; fill them if there are none."""
    name = f"{PREFIX}_{waiting}_{finished}_{version()}"
    if kind == "sqlite":
        return _file(name, waiting, finished)
    return _schema(name, waiting, finished)


def version() -> str:
    """Return a short text that changes with the migrations, and with the code that makes rows."""
    here = Path(__file__).parent
    names = sorted(path.name for path in here.parents[1].glob("*/migrations/0*.py"))
    made = [(here / module).read_text() for module in ("large.py", "large_rows.py")]
    return hashlib.sha256("\n".join([*names, *made]).encode()).hexdigest()[:10]


def _file(name: str, waiting: int, finished: int) -> str:
    folder = (ROOT / PREFIX).absolute()
    done, draft = folder / f"{name}.sqlite3", folder / "draft.sqlite3"
    if not done.exists():
        for old in folder.glob("draft.sqlite3*"):
            old.unlink()
        for old in folder.glob(f"{PREFIX}_{waiting}_{finished}_*"):
            old.unlink()
        _fill(f"sqlite:///{draft}", folder, waiting, finished)
        draft.rename(done)
    return f"sqlite:///{done}"


def _schema(name: str, waiting: int, finished: int) -> str:
    draft = f"{PREFIX}_draft"
    with closing(psycopg.connect(store.database(), autocommit=True)) as connection:
        found = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE %s",
            [f"{PREFIX}\\_{waiting}\\_{finished}\\_%"],
        )
        names = [row[0] for row in found]
        if name not in names:
            for old in [*names, draft]:
                drop = SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(old))
                connection.execute(drop)
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(draft)))
            _fill(in_schema(draft), (ROOT / PREFIX).absolute(), waiting, finished)
            rename = SQL("ALTER SCHEMA {} RENAME TO {}")
            connection.execute(rename.format(Identifier(draft), Identifier(name)))
    return in_schema(name)


def in_schema(schema: str) -> str:
    """Return the address of PostgreSQL with this schema."""
    url = store.database()
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}options=-c%20search_path%3D{schema}"


def environment(url: str, folder: Path) -> dict[str, str]:
    """Return the environment of a process that uses these tables."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
        "BENCH_FOLDER": str(folder),
        "BENCH_STORE_URL": url,
    }


def _fill(url: str, folder: Path, waiting: int, finished: int) -> None:
    counts = ["--waiting", str(waiting), "--finished", str(finished)]
    command = [sys.executable, "-m", "tests.benchmarks.large", *counts]
    subprocess.run(command, env=environment(url, folder), check=True)


def main() -> None:
    """Migrate and fill the database of the settings."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--waiting", type=int, required=True)
    parser.add_argument("--finished", type=int, required=True)
    asked = parser.parse_args()
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0)
    from tests.benchmarks.large_rows import fill

    fill(asked.waiting, asked.finished)
    connections.close_all()


if __name__ == "__main__":
    main()
