"""Several workers on one database: starting them, and reading their rows without Django."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from tests.e2e.database import Database
from tests.e2e.server import PATIENCE, ROOT, environment, eventually
from tests.support import external_services

HANGING_STEPS = "tests.e2e.versions.hanging_steps.settings"
LEASE = "1"


class Worker:
    """`manage.py runworker workflows`. Its output is collected in a file."""

    def __init__(self, command: list[str], environ: dict[str, str], log: str) -> None:
        self._log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=output, stderr=output
            )

    @property
    def output(self) -> str:
        """Return the output of the worker so far."""
        with open(self._log, errors="replace") as file:
            return file.read()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process."""
        self.process.send_signal(number)

    def drain(self) -> None:
        """Send SIGTERM; fail if the worker does not end with 0."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.output

    def kill(self) -> None:
        """Send SIGKILL, which also ends a stopped worker."""
        self.process.kill()
        self.process.wait()


class WorkerPool:
    """The workers of one database, and its rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.folder = database.folder
        self.workers: list[Worker] = []
        self.folder.mkdir(parents=True, exist_ok=True)
        self.manage("migrate", "--verbosity", "0")

    @property
    def is_postgresql(self) -> bool:
        """Return True if the database is PostgreSQL."""
        return bool(self._database.url)

    def start_worker(self, settings: str = HANGING_STEPS, **extra: str) -> Worker:
        """Start a worker with these settings and variables."""
        command = [sys.executable, "manage.py", "runworker", "workflows"]
        log = str(self.folder / f"worker-{time.monotonic_ns()}.txt")
        environ = self._environment(settings) | {"WORKER_LEASE_SECONDS": LEASE} | extra
        self.workers.append(Worker(command, environ, log))
        return self.workers[-1]

    def wait_until_at_work(self, count: int) -> None:
        """Wait until this number of workers is alive."""
        sql = "SELECT count(*) FROM workflows_workerheartbeat"
        eventually(lambda: self.ask(sql) == [(count,)], f"{count} workers are at work")

    def start(self, counts: dict[str, int], *, settings: str = HANGING_STEPS) -> None:
        """Start these numbers of runs of each workflow."""
        begin = "WorkflowRun.objects.start(name, {'to': 'Ada'})"
        self._shell(settings, f"[{begin} for name, n in {counts!r}.items() for _ in range(n)]")

    def answer_all(self, settings: str = HANGING_STEPS) -> None:
        """Approve all pending requests."""
        self._shell(
            settings,
            "[one.answer({'approved': True}, by=None, source='test') "
            "for one in InputRequest.objects.pending()]",
        )

    def counts(self, workflow: str) -> dict[str, int]:
        """Return the number of runs of the workflow in each state."""
        sql = f"""SELECT status, count(*) FROM workflows_workflowrun
            WHERE workflow = '{workflow}' GROUP BY status"""
        return dict(self.ask(sql))

    def wait_for(self, workflow: str, **counts: int) -> None:
        """Wait until these numbers of runs of the workflow are in these states."""

        def arrived() -> bool:
            return self.counts(workflow) == counts

        try:
            eventually(arrived, f"{workflow} is {counts}")
        except AssertionError:
            reported = "\n".join(worker.output for worker in self.workers)
            raise AssertionError(f"{workflow} is {self.counts(workflow)}:\n{reported}") from None

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        if self.is_postgresql:
            with psycopg.connect(self._database.url) as postgresql:
                return postgresql.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=PATIENCE)) as sqlite:
            return sqlite.execute(sql).fetchall()

    def can_write(self) -> bool:
        """Return False if a frozen process has the lock of the shared database file."""
        if self.is_postgresql:
            return True
        with closing(sqlite3.connect(self.folder / "db.sqlite3", timeout=0.5)) as sqlite:
            try:
                sqlite.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
        return True

    def faults(self) -> list[str]:
        """Return the faults of the journals: gaps, doubled steps, doubled requests."""
        found = []
        gaps = """SELECT r.id, r.seq, count(j.id), max(j.seq) FROM workflows_workflowrun r
            LEFT JOIN workflows_journalentry j ON j.run_id = r.id GROUP BY r.id, r.seq
            HAVING count(j.id) <> r.seq OR coalesce(max(j.seq), 0) <> r.seq"""
        found += [f"the journal of {row} has gaps" for row in self.ask(gaps)]
        data = """SELECT run_id, kind, count(*) FROM workflows_journalentry
            WHERE kind IN ('started', 'completed', 'failed') GROUP BY run_id, kind
            HAVING count(*) > 1"""
        found += [f"{row} happened twice" for row in self.ask(data)]
        return found

    def manage(self, *arguments: str, settings: str = HANGING_STEPS) -> str:
        """Run a management command and return what it wrote."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self._environment(settings), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self) -> None:
        """Stop all processes."""
        for worker in self.workers:
            worker.kill()

    def _shell(self, settings: str, code: str) -> None:
        imports = "from workflows.models import InputRequest, WorkflowRun"
        self.manage("shell", "-v", "0", "-c", f"{imports}; {code}", settings=settings)

    def _environment(self, settings: str) -> dict[str, str]:
        return environment(
            self.folder,
            DATABASE_URL=self._database.url,
            REDIS_URL=external_services.REDIS if self.is_postgresql else "",
            DJANGO_SETTINGS_MODULE=settings,
        )


@contextmanager
def pool_on(database: Database) -> Iterator[WorkerPool]:
    """Yield a pool of workers, and stop all its processes afterwards."""
    pool = WorkerPool(database)
    try:
        yield pool
    finally:
        pool.close()
