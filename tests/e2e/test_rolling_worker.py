"""An upgrade without stopping: a worker with old code beside one with new code."""

from __future__ import annotations

from tests.e2e.database import Database
from tests.e2e.versions.worker_pool import crew_on

OLD = "tests.e2e.versions.old.settings"
NEW = "tests.e2e.versions.new.settings"


def test_old_and_new_code_finish_each_others_runs_and_block_none(database: Database) -> None:
    with crew_on(database) as crew:
        old = crew.hire(OLD)
        crew.start({"letter": 3}, settings=OLD)
        crew.wait_for("letter", waiting=3)
        crew.hire(NEW)
        crew.wait_until_at_work(2)
        crew.answer_all()  # only the old code can load these
        crew.wait_for("letter", completed=3)
        crew.start({"only-old": 5}, settings=OLD)
        crew.start({"only-new": 5}, settings=NEW)
        crew.wait_for("only-old", completed=5)
        crew.wait_for("only-new", completed=5)
        old.drain()
        crew.start({"letter": 2}, settings=NEW)
        crew.wait_for("letter", completed=3, waiting=2)
        crew.hire(OLD)  # somebody was late: now the runs in flight are those of the new code
        crew.wait_until_at_work(2)
        crew.answer_all()
        crew.wait_for("letter", completed=5)
        results = crew.ask("SELECT result FROM workflows_workflowrun WHERE workflow = 'letter'")
        assert sum("old code" in str(row[0]) for row in results) == 3
        assert crew.ask("SELECT 1 FROM workflows_journalentry WHERE kind = 'blocked'") == []
        assert crew.faults() == []
