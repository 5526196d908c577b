"""Several processes of `manage.py runworker workflows`, and people who answer."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from random import Random

from tests.e2e import people
from tests.e2e.database import Database
from tests.e2e.load_reviewer import Answer
from tests.e2e.server import PATIENCE, ROOT, environment
from tests.support import external_services

REVIEWERS = ("alice", "bob")


class Program:
    """A process with the environment of a worker. Its output is collected in a file."""

    def __init__(self, database: Database, label: str, *command: str) -> None:
        extra = {"DATABASE_URL": database.url, "DJANGO_SETTINGS_MODULE": "blazen_site.settings"}
        if database.url:
            extra["REDIS_URL"] = external_services.REDIS
        self.label = label
        self._log = database.folder / f"{label}-{time.monotonic_ns()}.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT, env=environment(database.folder, **extra), stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def output(self) -> str:
        """Return the output of the process so far."""
        return self._log.read_text(errors="replace")

    def check_alive(self) -> None:
        """Fail with the output if the process ended by itself."""
        assert self.process.poll() is None, f"{self.label} ended:\n{self.output}"

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        self.process.wait()


class WorkerPool:
    """A number of workers on one database. A killed worker is replaced at once."""

    def __init__(self, database: Database, size: int) -> None:
        self._database = database
        self.workers = [self._start_worker() for _ in range(size)]
        self.log = ""  # the output of ended workers

    def kill_one(self, random: Random) -> None:
        """Kill a worker at any time, and start another."""
        at = random.randrange(len(self.workers))
        self.workers[at].check_alive()
        self.workers[at].kill()
        self.log += self.workers[at].output
        self.workers[at] = self._start_worker()

    def kill_all(self) -> None:
        """Kill all processes."""
        for worker in self.workers:
            worker.kill()
            self.log += worker.output
        self.workers = []

    def _start_worker(self) -> Program:
        return Program(self._database, "worker", "manage.py", "runworker", "workflows")


class Reviewers:
    """Two people who answer a limited number of requests, each in a process."""

    def __init__(self, database: Database, seed: int) -> None:
        self._folder = database.folder
        self.allow(0)
        self._people = [
            Program(database, name, "-m", "tests.e2e.people", name, str(database.folder), str(seed))
            for name in REVIEWERS
        ]

    @property
    def answers(self) -> list[Answer]:
        """Return the answers that all people have sent so far."""
        return [one for name in REVIEWERS for one in people.answers_of(self._folder, name)]

    def allow(self, count: int) -> None:
        """Set the number of answers that each person may give in total."""
        people.allow(self._folder, count)

    def wait_for_an_answer(self, within: float) -> None:
        """Wait until another answer is given or the time is over; there may be no request."""
        before, deadline = len(self.answers), time.monotonic() + within
        while len(self.answers) == before and time.monotonic() < deadline:
            time.sleep(0.02)

    def check_alive(self) -> None:
        """Fail with the output of a person's process that ended with an error."""
        for one in self._people:
            one.check_alive()

    def leave(self) -> None:
        """Stop the people. None of their answers is in progress then."""
        for one in self._people:
            one.kill()


def prepare(database: Database) -> None:
    """Make the tables, the accounts and the example runs, as a first start does."""
    database.folder.mkdir(parents=True, exist_ok=True)
    for command in (
        ["migrate", "--verbosity", "0"],
        ["shell", "--verbosity", "0", "--command",
         "from approvals.accounts import demo; demo.create_demo_data()"],
    ):  # fmt: skip
        program = Program(database, "prepare", "manage.py", *command)
        assert program.process.wait(PATIENCE * 2) == 0, program.output


def open_runs(database: Database) -> dict[str, int]:
    """Return the number of open runs, by status."""
    found = Counter(database.statuses().values())
    return {status: found[status] for status in ("queued", "running", "waiting") if found[status]}
