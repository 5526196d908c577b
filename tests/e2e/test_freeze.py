"""A worker that is frozen past its lease, loses its run, and wakes up: it cannot write any more."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.e2e.database import Database
from tests.e2e.server import eventually
from tests.e2e.versions.worker_pool import Crew, Worker, crew_on


def holders(folder: Path) -> list[int]:
    """Return the processes that have entered the step, in their order."""
    file = folder / "held"
    return [int(line.split()[1]) for line in file.read_text().splitlines()] if file.exists() else []


def freeze(crew: Crew, worker: Worker) -> None:
    """Stop the process where it stands, but not while it holds the lock of the file."""
    worker.signal(signal.SIGSTOP)
    while not crew.can_write():
        worker.signal(signal.SIGCONT)
        worker.signal(signal.SIGSTOP)


def test_what_a_frozen_worker_did_is_refused_once_its_run_has_a_new_owner(
    database: Database,
) -> None:
    with crew_on(database) as crew:
        frozen = crew.hire()
        crew.start({"hold": 3})
        eventually(lambda: len(holders(crew.folder)) == 3, "the first worker is in the step")
        freeze(crew, frozen)
        other = crew.hire()
        eventually(lambda: len(holders(crew.folder)) == 6, "another worker takes the runs over")
        assert set(holders(crew.folder)[3:]) == {other.process.pid}
        (crew.folder / "go").touch()
        frozen.signal(signal.SIGCONT)  # both come out of the step now, and write
        crew.wait_for("hold", waiting=3)
        prompts = crew.ask("SELECT prompt FROM workflows_inputrequest")
        assert prompts == [(f"Held by {other.process.pid}?",)] * 3
        other.drain()
        crew.answer_all()  # the one that was frozen is a worker like any other
        crew.wait_for("hold", completed=3)
        assert frozen.process.poll() is None, frozen.output
        assert crew.ask("SELECT DISTINCT fence FROM workflows_workflowrun") == [(3,)]
        assert crew.faults() == []
