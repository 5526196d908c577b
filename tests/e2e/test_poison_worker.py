"""A run that crashes its worker is blocked after five crashes, and other runs continue."""

from __future__ import annotations

import os
import threading

import pytest

from tests.e2e.database import Database
from tests.e2e.server import eventually
from tests.e2e.versions.worker_pool import WorkerPool, pool_on

LONG = os.environ.get("SOAK") == "1"


class Supervisor(threading.Thread):
    """Restarts a worker when it ends, as systemd does, and counts the crashes."""

    def __init__(self, pool: WorkerPool) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._pool = pool
        self._leaving = threading.Event()
        self.deaths = 0

    def run(self) -> None:
        """Start a worker whenever there is none, until `leave`."""
        while not self._leaving.is_set():
            worker = self._pool.start_worker()
            while worker.process.poll() is None and not self._leaving.wait(0.02):
                pass
            self.deaths += not self._leaving.is_set()

    def leave(self) -> None:
        """Stop restarting workers."""
        self._leaving.set()
        self.join()


@pytest.mark.soak
def test_a_run_that_crashes_its_worker_is_blocked_and_all_others_continue(
    database: Database,
) -> None:
    poisons = 3 if LONG else 1
    with pool_on(database) as pool:
        pool.start({"die": poisons, "work": 10, "leave": 1})
        supervisor = Supervisor(pool)
        supervisor.start()
        try:
            eventually(lambda: supervisor.deaths > 1, "the poison kills its worker")
            pool.start({"work": 10})
            eventually(
                lambda: pool.counts("die") == {"blocked": poisons},
                "the poison is blocked", 40 * poisons,
            )  # fmt: skip
            pool.wait_for("work", completed=20)
            pool.wait_for("leave", failed=1)
            pool.start({"swallow": 1})
            pool.wait_for("swallow", failed=1)
        finally:
            supervisor.leave()
        pool.workers[-1].drain()
        assert "stopped before all steps had ended" in pool.workers[-1].output
        assert 5 <= supervisor.deaths <= 5 * poisons
        for (error,) in pool.ask("SELECT error FROM workflows_workflowrun WHERE workflow = 'die'"):
            assert "active on 5 workers when they crashed" in str(error)
        [(left,)] = pool.ask("SELECT error FROM workflows_workflowrun WHERE workflow = 'leave'")
        assert "nobody stops a worker like this" in str(left)
        assert pool.faults() == []
