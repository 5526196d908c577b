"""A worker crashes at each commit in turn, and the next worker finishes the run correctly.

Steps run at least once, and transitions exactly once. The journal, the answers and the result of
each run are those of a run without a crash.
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
from tests.support.crash_worker import CRASHED
from tests.support.factories import make_reviewer, registered
from workflows.engine import Workflow
from workflows.engine.snapshot import write_state
from workflows.models import WorkflowRun
from workflows.worker import snapshot_of
from workflows.worker.loading.replay import fold

LONG = os.environ.get("SOAK") == "1"
STRIDE = (
    1 if LONG else 8
)  # the short form crashes at some of the commits; they differ between scenarios
MIN_COMMITS = 3  # of the shortest scenario; fewer mean that commits were not counted
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.soak]


class CrashWorker:
    """The process that plays scenarios in the database of the tests, and crashes in them."""

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

    def play(self, workflow: Workflow, key: str, *, at: int = 0, moment: str = "after") -> int:
        """Play the scenario `key`; return the number of commits, or CRASHED at the commit `at`."""
        order = {
            "workflow": workflow.name, "key": key, "side_effects": str(self.side_effects(key)),
            "at": at, "moment": moment,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        *count, code = map(int, self._process.stdout.readline().split())
        assert code in (0, CRASHED), f"{key}: the process ended with {code}, see its output"
        return count[0] if count else CRASHED

    def side_effects(self, key: str) -> Path:
        """Return the file in which the steps of a scenario record their side effects."""
        return self._folder / f"{key}.txt"

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@pytest.fixture(scope="module")
def process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CrashWorker]:
    worker = CrashWorker(tmp_path_factory.mktemp("side_effects"))
    yield worker
    worker.close()


@pytest.fixture
def worker(transactional_db: None, process: CrashWorker) -> Iterator[CrashWorker]:
    make_reviewer(crash_scenarios.REVIEWER)
    with registered(*crash_scenarios.SCENARIOS):
        yield process


def reported(worker: CrashWorker, key: str) -> dict[str, Any]:
    """Return the rows and the side effects of a scenario, without ids and times."""
    run = WorkflowRun.objects.get(idempotency_key=key)
    entries = list(run.journal.order_by("seq"))
    requests = run.requests.order_by("request_id")
    effects = Counter(worker.side_effects(key).read_text().splitlines())
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
        # A step may have run again, but always as the same invocation.
        "side_effects": Counter(line.split()[0] for line in effects),
        "folds": write_state(fold(None, entries)) == write_state(snapshot_of(run).state()),
    }


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("workflow", crash_scenarios.SCENARIOS, ids=lambda one: one.name)
def test_a_crash_at_any_commit_changes_nothing(
    workflow: Workflow, moment: str, worker: CrashWorker
) -> None:
    name = f"{workflow.name} {moment}"
    commits = worker.play(workflow, name, moment=moment)
    expected = reported(worker, name)
    assert commits >= MIN_COMMITS
    first = 1 + (crash_scenarios.SCENARIOS.index(workflow) + len(moment)) % STRIDE
    points = range(first, commits + 1, STRIDE)
    assert points
    crashed = 0
    for at in points:
        key = f"{name} {at}"
        # Simultaneous events share a commit, so there may be fewer commits than the first time.
        ended = worker.play(workflow, key, at=at, moment=moment)
        assert ended == CRASHED or ended < at, f"{key} did not crash"
        crashed += ended == CRASHED
        worker.play(workflow, key)
        assert reported(worker, key) == expected, f"after a crash at {key} of {commits}"
    assert crashed
    say(f"{name}: crashed at {crashed} of {commits} commits")
