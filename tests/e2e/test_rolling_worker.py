"""A rolling upgrade: a worker with old code and one with new code at the same time."""

from __future__ import annotations

from tests.e2e.database import Database
from tests.e2e.versions.worker_pool import pool_on

OLD = "tests.e2e.versions.old.settings"
NEW = "tests.e2e.versions.new.settings"


def test_old_and_new_code_finish_all_runs_and_block_none(database: Database) -> None:
    with pool_on(database) as pool:
        old = pool.start_worker(OLD)
        pool.start({"letter": 3}, settings=OLD)
        pool.wait_for("letter", waiting=3)
        pool.start_worker(NEW)
        pool.wait_until_at_work(2)
        pool.answer_all()  # only the old code can load these runs
        pool.wait_for("letter", completed=3)
        pool.start({"only-old": 5}, settings=OLD)
        pool.start({"only-new": 5}, settings=NEW)
        pool.wait_for("only-old", completed=5)
        pool.wait_for("only-new", completed=5)
        old.drain()
        pool.start({"letter": 2}, settings=NEW)
        pool.wait_for("letter", completed=3, waiting=2)
        pool.start_worker(
            OLD
        )  # an old worker that starts late: now the open runs are those of the new code
        pool.wait_until_at_work(2)
        pool.answer_all()
        pool.wait_for("letter", completed=5)
        results = pool.ask("SELECT result FROM workflows_workflowrun WHERE workflow = 'letter'")
        assert sum("old code" in str(row[0]) for row in results) == 3
        assert pool.ask("SELECT 1 FROM workflows_journalentry WHERE kind = 'blocked'") == []
        assert pool.faults() == []
