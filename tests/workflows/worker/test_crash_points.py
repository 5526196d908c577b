"""A worker that dies at every commit in turn: its successor ends the story as if nothing happened.

Steps run at least once, transitions exactly once: the journal, the answers and the result of each
run are those of a run that nobody disturbed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from approvals.models import Decision
from tests.e2e.server import say
from tests.support import crash_scenarios
from tests.support.crash_worker import DIED
from tests.support.factories import make_reviewer, registered
from workflows.engine import Workflow
from workflows.engine.snapshot import write_state
from workflows.models import WorkflowRun
from workflows.worker import snapshot_of
from workflows.worker.loading.replay import fold

LONG = os.environ.get("SOAK") == "1"
STRIDE = 1 if LONG else 8  # the short form dies at some of the commits, each story at others
FEWEST = 3  # commits that the shortest story takes, if they are counted at all
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.soak]


class CrashWorker:
    """The process that tells stories on the tests' database, and dies in them."""

    def __init__(self, folder: Path) -> None:
        environment = os.environ | {
            "TEST_REDIS_URL": "",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        self._folder = folder
        database = str(connection.settings_dict["NAME"])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crash_worker", database],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def tell(self, workflow: Workflow, key: str, *, at: int = 0, moment: str = "after") -> int:
        """Tell the story `key`; return how many commits it took, or DIED at the commit `at`."""
        order = {
            "workflow": workflow.name, "key": key, "deeds": str(self.deeds(key)),
            "at": at, "moment": moment,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        *count, code = map(int, self._process.stdout.readline().split())
        assert code in (0, DIED), f"{key}: the process ended with {code}, see its output"
        return count[0] if count else DIED

    def deeds(self, key: str) -> Path:
        """Return the file in which the steps of a story note what they did."""
        return self._folder / f"{key}.txt"

    def close(self) -> None:
        """Let it go."""
        self._process.communicate()


@pytest.fixture(scope="module")
def process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CrashWorker]:
    worker = CrashWorker(tmp_path_factory.mktemp("deeds"))
    yield worker
    worker.close()


@pytest.fixture
def worker(transactional_db: None, process: CrashWorker) -> Iterator[CrashWorker]:
    make_reviewer(crash_scenarios.REVIEWER)
    with registered(*crash_scenarios.STORIES):
        yield process


def reported(worker: CrashWorker, key: str) -> dict[str, Any]:
    """Return what the rows and the steps' notes say of a story, without ids and times."""
    run = WorkflowRun.objects.get(idempotency_key=key)
    entries = list(run.journal.order_by("seq"))
    requests = run.requests.order_by("request_id")
    deeds = Counter(worker.deeds(key).read_text().splitlines())
    return {
        "run": (run.status, run.result, (run.error or {}).get("kind"), run.lease_owner),
        "gaps": [one.seq for one in entries] != list(range(1, run.seq + 1)),
        "journal": Counter(f"{one.kind} {one.step}" for one in entries),
        "requests": [(one.request_id, one.status, one.response, one.source) for one in requests],
        "decisions": Decision.objects.filter(request__run=run).count(),
        "deliveries": Counter(
            f"{one.kind} {one.data.get('request_id')} applied: {one.applied_seq is not None}"
            for one in run.deliveries.all()
        ),
        # A step may have done its deed again, but always as the same invocation.
        "deeds": Counter(line.split()[0] for line in deeds),
        "folds": write_state(fold(None, entries)) == write_state(snapshot_of(run).state()),
    }


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("workflow", crash_scenarios.STORIES, ids=lambda one: one.name)
def test_a_death_at_any_commit_changes_nothing(
    workflow: Workflow, moment: str, worker: CrashWorker
) -> None:
    name = f"{workflow.name} {moment}"
    commits = worker.tell(workflow, name, moment=moment)
    expected = reported(worker, name)
    assert commits >= FEWEST
    first = 1 + (crash_scenarios.STORIES.index(workflow) + len(moment)) % STRIDE
    points = range(first, commits + 1, STRIDE)
    assert points
    died = 0
    for at in points:
        key = f"{name} {at}"
        # Where more comes at once it shares a commit, so a telling may take fewer than the first.
        ended = worker.tell(workflow, key, at=at, moment=moment)
        assert ended == DIED or ended < at, f"{key} lived on"
        died += ended == DIED
        worker.tell(workflow, key)
        assert reported(worker, key) == expected, f"after a death at {key} of {commits}"
    assert died
    say(f"{name}: died at {died} of {commits} commits")
