"""A run that kills its worker is blocked after five crash_count, and takes nobody with it."""

from __future__ import annotations

import os
import threading

import pytest

from tests.e2e.database import Database
from tests.e2e.server import eventually
from tests.e2e.versions.worker_pool import Crew, crew_on

LONG = os.environ.get("SOAK") == "1"


class Supervisor(threading.Thread):
    """Keeps one worker alive, as systemd would, and counts its deaths."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._crew = crew
        self._leaving = threading.Event()
        self.deaths = 0

    def run(self) -> None:
        """Start a worker whenever there is none."""
        while not self._leaving.is_set():
            worker = self._crew.hire()
            while worker.process.poll() is None and not self._leaving.wait(0.02):
                pass
            self.deaths += not self._leaving.is_set()

    def leave(self) -> None:
        """Restart nothing any more."""
        self._leaving.set()
        self.join()


@pytest.mark.soak
def test_a_run_that_crashes_its_worker_is_blocked_and_all_others_continue(
    database: Database,
) -> None:
    poisons = 3 if LONG else 1
    with crew_on(database) as crew:
        crew.start({"die": poisons, "work": 10, "leave": 1})
        supervisor = Supervisor(crew)
        supervisor.start()
        try:
            eventually(lambda: supervisor.deaths > 1, "the poison kills its worker")
            crew.start({"work": 10})
            eventually(
                lambda: crew.counts("die") == {"blocked": poisons},
                "the poison is blocked", 40 * poisons,
            )  # fmt: skip
            crew.wait_for("work", completed=20)
            crew.wait_for("leave", failed=1)
            crew.start({"swallow": 1})
            crew.wait_for("swallow", failed=1)
        finally:
            supervisor.leave()
        crew.workers[-1].drain()
        assert "stopped before all steps had ended" in crew.workers[-1].output
        assert 5 <= supervisor.deaths <= 5 * poisons
        for (error,) in crew.ask("SELECT error FROM workflows_workflowrun WHERE workflow = 'die'"):
            assert "active on 5 workers when they crashed" in str(error)
        [(left,)] = crew.ask("SELECT error FROM workflows_workflowrun WHERE workflow = 'leave'")
        assert "nobody stops a worker like this" in str(left)
        assert crew.faults() == []
