"""The processes whose memory is measured, in one of the modes, with their own database."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from tests.benchmarks.endurance.figures import Figures
from tests.e2e.private_servers import free_port
from tests.e2e.server import ROOT, Person, eventually

COMPLETED = "SELECT count(*) FROM workflows_workflowrun WHERE status = 'completed'"
START = 60.0  # seconds until a process has to respond


class Site:
    """The processes of one mode: `web` serves the pages, and is the worker, too, if it is alone."""

    def __init__(self, folder: Path, *, url: str = "", redis: str = "") -> None:
        self.folder, self.url, self.port = folder, url, free_port()
        self.env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.endurance.settings",
            "DEBUG": "0", "SECRET_KEY": "that-only-this-site-knows-7f3kq9x2wz",
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECURE_SSL_REDIRECT": "0", "SESSION_COOKIE_SECURE": "0", "CSRF_COOKIE_SECURE": "0",
            "DATA_DIR": str(folder), "DATABASE_URL": url, "REDIS_URL": redis,
            "STARTS_PER_MINUTE": "1000000",  # all clients have the login of one person
        }  # fmt: skip
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> dict[str, str]:
        """Start all processes, wait until they respond, and return a session key by account."""
        self._run("manage.py", "migrate", "--verbosity", "0")
        self._run("manage.py", "collectstatic", "--noinput", "--verbosity", "0")
        keys = dict(json.loads(self._run("-m", "tests.benchmarks.endurance.accounts")))
        if self.url:
            web = ["-m", "workflows.server.web_server", "--verbosity", "0", "-p", str(self.port)]
            self._begin("web", *web, "blazen_site.asgi:application")
            self._begin("worker", "manage.py", "runworker", "workflows", core=1)
        else:
            self._begin("web", "manage.py", "serve", "--port", str(self.port))
        eventually(self._is_healthy, "the pages answer and a worker lives", within=START)
        return {str(name): str(key) for name, key in keys.items()}

    def clean(self) -> None:
        """Prune ended runs, in a separate process."""
        self._run("-m", "tests.benchmarks.endurance.cleaning")

    def completed(self) -> int:
        """Return the number of completed runs, read directly from the database."""
        self.check_alive()
        if self.url:
            with psycopg.connect(self.url) as connection:
                found = connection.execute(COMPLETED.encode()).fetchone()
        else:
            with contextlib.closing(sqlite3.connect(self.file, timeout=20)) as rows:
                found = rows.execute(COMPLETED).fetchone()
        return int(found[0]) if found else 0

    def measure(self) -> dict[str, Figures]:
        """Return the figures of each process."""
        return {name: Figures.of(process.pid) for name, process in self.processes.items()}

    @property
    def file(self) -> Path:
        """The SQLite file."""
        return self.folder / "db.sqlite3"

    def wal_bytes(self) -> int:
        """Return the size of SQLite's write-ahead log, 0 on PostgreSQL."""
        wal = self.file.with_name(f"{self.file.name}-wal")
        return wal.stat().st_size if wal.exists() else 0

    def database_bytes(self) -> int:
        """Return the size of the database."""
        if not self.url:
            return self.file.stat().st_size
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(found[0]) if found else 0

    def check_alive(self) -> None:
        """Fail if a process ended by itself."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.folder / f"{name}.txt").read_text(errors="replace")
                raise RuntimeError(f"The process {name!r} ended:\n{log[-3000:]}")

    def stop(self) -> None:
        """Stop the processes with SIGTERM, then with SIGKILL."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()

    def _is_healthy(self) -> bool:
        self.check_alive()
        with contextlib.suppress(OSError):
            status, text = Person(self.port).get("/healthz")
            return status == 200 and json.loads(text)["worker_seconds"] is not None
        return False

    def _begin(self, name: str, *command: str, core: int = 0) -> None:
        """Start a process on a core of its own, which makes it faster (see docs/operations.md)."""
        with (self.folder / f"{name}.txt").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(self.processes[name].pid, {cores[core % len(cores)]})

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
        return done.stdout


@contextmanager
def embedded(folder: Path) -> Iterator[Site]:
    """One `manage.py serve` on an SQLite file."""
    yield Site(folder)


@contextmanager
def scaled(folder: Path, database: str, redis: str) -> Iterator[Site]:
    """A `daphne` and a `runworker` with their own database, which is dropped at the end."""
    name = f"blazen_endurance_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield Site(folder, url=f"{database.rpartition('/')[0]}/{name}", redis=redis)
        finally:
            drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
            connection.execute(drop)
