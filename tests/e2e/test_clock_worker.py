"""Workers whose clock is an hour fast or slow, or jumps by an hour while they run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import KINDS, private_database
from tests.e2e.database import Database
from tests.e2e.server import eventually
from tests.e2e.versions.worker_pool import WorkerPool, pool_on

BUSY = "SELECT lease_owner, fence FROM workflows_workflowrun WHERE workflow = 'hold'"
AT_ANOTHER_TIME = """SELECT at FROM workflows_journalentry
    WHERE at NOT BETWEEN now() - interval '10 minutes' AND now()"""
DUE_AT_ANOTHER_TIME = """SELECT data FROM workflows_journalentry
    WHERE kind = 'step_retried' AND (data ->> 'due')::timestamptz
    NOT BETWEEN at AND at + interval '3 seconds'"""


@pytest.fixture(scope="session")
def library() -> str:
    """The library that changes the time that a process sees."""
    if not (program := shutil.which("faketime")):
        pytest.skip("no faketime on this machine; on Debian: apt-get install faketime")
    found = subprocess.run(
        [program, "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database for each test, because each changes the clock differently."""
    if request.param == "sqlite":
        yield Database(tmp_path)
        return
    with private_database() as url:
        yield Database(tmp_path, url)


def seeing(library: str, **which: str) -> dict[str, str]:
    """Return the environment of a process with another time. Only the wall clock is changed."""
    honest = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    return {"LD_PRELOAD": library, "FAKETIME_DONT_RESET": "1"} | honest | which


def is_held(folder: Path) -> bool:
    """Return True if a step waits for the file `go`."""
    return (folder / "held").exists()


def try_everything(pool: WorkerPool) -> None:
    """Check that retries come when they are due, and deadlines neither early nor late."""
    pool.start({"half-hour": 1, "briefly": 1, "stumble": 3, "work": 5})
    pool.wait_for("stumble", completed=3)
    pool.wait_for("work", completed=5)
    pool.wait_for("briefly", failed=1)
    assert pool.counts("half-hour") == {"waiting": 1}


def test_workers_with_wrong_clocks_use_the_clock_of_the_database(
    database: Database, library: str
) -> None:
    """On SQLite the clock is that of the worker, so one worker is behind the starting process."""
    with pool_on(database) as pool:
        pool.start({"hold": 1})
        pool.start_worker(**seeing(library, FAKETIME="-1h"))
        eventually(lambda: is_held(pool.folder), "a worker is in the step")
        held = pool.ask(BUSY)
        if pool.is_postgresql:  # this worker finds the lease of the other valid
            pool.start_worker(**seeing(library, FAKETIME="+1h"))
            pool.wait_until_at_work(2)
        try_everything(pool)
        assert pool.ask(BUSY) == held
        (pool.folder / "go").touch()
        pool.wait_for("hold", waiting=1)
        assert pool.faults() == []
        if pool.is_postgresql:
            assert pool.ask(AT_ANOTHER_TIME) == pool.ask(DUE_AT_ANOTHER_TIME) == []


def test_a_clock_that_jumps_ends_no_lease_and_delays_no_run(
    database: Database, library: str
) -> None:
    with pool_on(database) as pool:
        clock = pool.folder / "clock"
        clock.write_text("+0")
        faked = seeing(library, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_CACHE_DURATION="1")
        pool.start_worker(**faked)
        pool.start({"hold": 1})
        eventually(lambda: is_held(pool.folder), "the worker is in the step")
        held = pool.ask(BUSY)
        clock.write_text("+1h")
        pool.start({"work": 5})
        pool.wait_for("work", completed=5)
        clock.write_text("-1h")
        pool.start({"work": 5})
        pool.wait_for("work", completed=10)
        assert pool.ask(BUSY) == held
        (pool.folder / "go").touch()
        pool.wait_for("hold", waiting=1)
        assert pool.faults() == []
