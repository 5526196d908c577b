"""Workers whose clock is an hour ahead or behind, or jumps by an hour while they work."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import KINDS, private_database
from tests.e2e.database import Database
from tests.e2e.server import eventually
from tests.e2e.versions.worker_pool import Crew, crew_on

BUSY = "SELECT lease_owner, fence FROM workflows_workflowrun WHERE workflow = 'hold'"
AT_ANOTHER_TIME = """SELECT at FROM workflows_journalentry
    WHERE at NOT BETWEEN now() - interval '10 minutes' AND now()"""
DUE_AT_ANOTHER_TIME = """SELECT data FROM workflows_journalentry
    WHERE kind = 'step_retried' AND (data ->> 'due')::timestamptz
    NOT BETWEEN at AND at + interval '3 seconds'"""


@pytest.fixture(scope="session")
def library() -> str:
    """The library that lets a process see another time."""
    if not (program := shutil.which("faketime")):
        pytest.skip("no faketime on this machine; on Debian: apt-get install faketime")
    found = subprocess.run(
        [program, "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The empty rows of one test: each has a story of its own with the clock."""
    if request.param == "sqlite":
        yield Database(tmp_path)
        return
    with private_database() as url:
        yield Database(tmp_path, url)


def seeing(library: str, **which: str) -> dict[str, str]:
    """Return what a process needs to see another time; only the wall clock is a fake."""
    honest = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    return {"LD_PRELOAD": library, "FAKETIME_DONT_RESET": "1"} | honest | which


def is_held(folder: Path) -> bool:
    """Say whether a step waits for the file `go`."""
    return (folder / "held").exists()


def try_everything(crew: Crew) -> None:
    """Retries come when they are due, deadlines neither early nor late."""
    crew.start({"half-hour": 1, "briefly": 1, "stumble": 3, "work": 5})
    crew.wait_for("stumble", completed=3)
    crew.wait_for("work", completed=5)
    crew.wait_for("briefly", failed=1)
    assert crew.counts("half-hour") == {"waiting": 1}


def test_workers_with_wrong_clocks_go_by_the_databases(database: Database, library: str) -> None:
    """On SQLite, whose clock is the worker's own, one of them that lags behind who starts runs."""
    with crew_on(database) as crew:
        crew.start({"hold": 1})
        crew.hire(**seeing(library, FAKETIME="-1h"))
        eventually(lambda: is_held(crew.folder), "a worker is in the step")
        held = crew.ask(BUSY)
        if crew.is_postgresql:  # this one finds the lease of the other sound
            crew.hire(**seeing(library, FAKETIME="+1h"))
            crew.wait_until_at_work(2)
        try_everything(crew)
        assert crew.ask(BUSY) == held
        (crew.folder / "go").touch()
        crew.wait_for("hold", waiting=1)
        assert crew.faults() == []
        if crew.is_postgresql:
            assert crew.ask(AT_ANOTHER_TIME) == crew.ask(DUE_AT_ANOTHER_TIME) == []


def test_a_clock_that_jumps_ends_no_lease_and_delays_no_run(
    database: Database, library: str
) -> None:
    with crew_on(database) as crew:
        clock = crew.folder / "clock"
        clock.write_text("+0")
        faked = seeing(library, FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_CACHE_DURATION="1")
        crew.hire(**faked)
        crew.start({"hold": 1})
        eventually(lambda: is_held(crew.folder), "the worker is in the step")
        held = crew.ask(BUSY)
        clock.write_text("+1h")
        crew.start({"work": 5})
        crew.wait_for("work", completed=5)
        clock.write_text("-1h")
        crew.start({"work": 5})
        crew.wait_for("work", completed=10)
        assert crew.ask(BUSY) == held
        (crew.folder / "go").touch()
        crew.wait_for("hold", waiting=1)
        assert crew.faults() == []
