"""A PostgreSQL and a Redis for one test, which may stop them, and a site that uses them."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
import redis

from tests.e2e.database import Database
from tests.e2e.server import PATIENCE, ROOT, Person, environment, eventually

DEBIAN = Path("/usr/lib/postgresql")  # where Debian keeps what it does not put into PATH


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """Return the path of a program; skip the test if it is not installed."""
    found = shutil.which(name) or next(map(str, sorted(DEBIAN.glob(f"*/bin/{name}"))), None)
    if found is None:
        pytest.skip(f"no {name} on this machine; on Debian: apt-get install postgresql redis")
    return found


class Process:
    """A process whose output goes to a file. It is ended by its id."""

    def __init__(self, log: Path, command: list[str], *, user: str | None = None) -> None:
        self.log = log
        self.command = command
        self.user = user
        self.env: dict[str, str] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, or restart it."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT if self.user is None else "/", env=self.env,
                stdout=out, stderr=out, user=self.user,
                extra_groups=None if self.user is None else [],
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, unless the process has ended; return the exit code after the end."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command[0]} did not end:\n{self.output}") from None

    def kill(self) -> None:
        """Send SIGKILL. How a server ends with requests in progress is not tested here."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def output(self) -> str:
        """Return its output so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Postgres(Process):
    """A PostgreSQL server with one empty database, `postgres`, and without passwords."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        # PostgreSQL refuses to run as root, and its own user must reach the folder.
        user = "postgres" if getpass.getuser() == "root" else None
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [program("initdb"), "-D", str(data), "-A", "trust", "-U", "owner", "-N", "-E", "UTF8"],
            check=True, capture_output=True, user=user, cwd="/",
            extra_groups=None if user is None else [],
        )  # fmt: skip
        command = [program("postgres"), "-D", str(data), "-p", str(self.port), "-k", str(folder)]
        super().__init__(
            folder / "postgres.txt", [*command, "-c", "listen_addresses=127.0.0.1"], user=user
        )
        self.url = f"postgres://owner@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        super().start()
        eventually(self._answers, "PostgreSQL answers")

    def ask(self, query: str) -> int:
        """Return the number that a query returns, over a connection of its own."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0])

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url).close()
            return True
        return False


class Redis(Process):
    """A Redis server that stores nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"]
        super().__init__(folder / "redis.txt", [*command, "--save", "", "--dir", str(folder)])

    def start(self) -> None:
        """Start it and wait until it responds."""
        super().start()
        eventually(self._answers, "Redis answers")

    def flush(self) -> None:
        """Delete all data, while connections stay open."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), redis.Redis(port=self.port) as client:
            return bool(client.ping())
        return False


class Site:
    """Servers and workers that use these services, and their logs."""

    def __init__(self, folder: Path, postgres: Postgres, redis: Redis) -> None:
        self.folder = folder
        self.postgres = postgres
        self.redis = redis
        self.database = Database(folder, postgres.url)
        self.ports = [free_port(), free_port()]
        self.env = environment(folder, DATABASE_URL=postgres.url, REDIS_URL=redis.url)
        self.processes = [
            *(self._python(f"server-{port}", "-m", "workflows.server.web_server", "-p", str(port),
                           "blazen_site.asgi:application") for port in self.ports),
            *(self._python(f"worker-{n}", "manage.py", "runworker", "workflows") for n in (1, 2)),
        ]  # fmt: skip

    def start(self) -> None:
        """Make the tables and the demo data, start all processes, and wait until they serve."""
        self.manage("migrate", "--verbosity", "0")
        self.manage(
            "shell", "--verbosity", "0", "--command",
            "from approvals.accounts.demo import create_demo_data; create_demo_data()",
        )  # fmt: skip
        for process in self.processes:
            process.start()
        for port in self.ports:
            eventually(partial(serves, port), f"the server on port {port} answers")
        eventually(
            lambda: self.postgres.ask("SELECT count(*) FROM workflows_workerheartbeat") == 2,
            "two workers are there",
        )

    def manage(self, *arguments: str) -> str:
        """Run a management command with the site's environment."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def still_runs(self) -> None:
        """Fail with the log of a process that ended by itself."""
        for one in self.processes:
            assert one.process is not None
            assert one.process.poll() is None, f"{one.command} ended:\n{one.output[-5000:]}"

    def _python(self, name: str, *arguments: str) -> Process:
        made = Process(self.folder / f"{name}.txt", [sys.executable, *arguments])
        made.env = self.env
        return made


def serves(port: int) -> bool:
    """Return True if the server on this port is ready."""
    with contextlib.suppress(OSError):
        return Person(port).get("/healthz")[0] == 200
    return False


@contextmanager
def private_site() -> Iterator[Site]:
    """Yield a running site with its own services; stop all of them afterwards."""
    program("postgres"), program("redis-server")
    folder = Path(tempfile.mkdtemp(prefix="blazen-outage-"))
    folder.chmod(0o755)
    (folder / "postgres").mkdir()
    with (
        contextlib.ExitStack() as stack
    ):  # the other processes are stopped even if one does not end
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres, redis = Postgres(folder / "postgres"), Redis(folder)
        for service in (postgres, redis):
            stack.callback(service.stop, signal.SIGINT)
            service.start()
        (folder / "var").mkdir()
        site = Site(folder / "var", postgres, redis)
        for process in site.processes:
            stack.callback(process.kill)
        site.start()
        yield site
