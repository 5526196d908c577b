"""A worker is frozen until its lease has expired: after it continues, it cannot write the run."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.e2e.database import Database
from tests.e2e.server import eventually
from tests.e2e.versions.worker_pool import Worker, WorkerPool, pool_on


def holders(folder: Path) -> list[int]:
    """Return the ids of the processes that have entered the step, in order."""
    file = folder / "held"
    return [int(line.split()[1]) for line in file.read_text().splitlines()] if file.exists() else []


def freeze(pool: WorkerPool, worker: Worker) -> None:
    """Stop the process, but not while it has the lock of the database file."""
    worker.signal(signal.SIGSTOP)
    while not pool.can_write():
        worker.signal(signal.SIGCONT)
        worker.signal(signal.SIGSTOP)


def test_a_frozen_worker_cannot_write_a_run_that_another_worker_leased(
    database: Database,
) -> None:
    with pool_on(database) as pool:
        frozen = pool.start_worker()
        pool.start({"hold": 3})
        eventually(lambda: len(holders(pool.folder)) == 3, "the first worker is in the step")
        freeze(pool, frozen)
        other = pool.start_worker()
        eventually(lambda: len(holders(pool.folder)) == 6, "another worker takes the runs over")
        assert set(holders(pool.folder)[3:]) == {other.process.pid}
        (pool.folder / "go").touch()
        frozen.signal(signal.SIGCONT)  # both workers leave the step now, and write
        pool.wait_for("hold", waiting=3)
        prompts = pool.ask("SELECT prompt FROM workflows_inputrequest")
        assert prompts == [(f"Held by {other.process.pid}?",)] * 3
        other.drain()
        pool.answer_all()  # the worker that was frozen works normally
        pool.wait_for("hold", completed=3)
        assert frozen.process.poll() is None, frozen.output
        assert pool.ask("SELECT DISTINCT fence FROM workflows_workflowrun") == [(3,)]
        assert pool.faults() == []
