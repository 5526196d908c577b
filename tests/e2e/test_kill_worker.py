"""One of three workers is killed again and again under load: nothing is lost or doubled."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom

import pytest

from tests.e2e.audit import faults
from tests.e2e.database import Database
from tests.e2e.server import eventually, say
from tests.e2e.workers import Reviewers, WorkerPool, open_runs, prepare

LONG = os.environ.get("SOAK") == "1"
RUNS, KILLS, WORKERS = (1000, 200, 3) if LONG else (30, 5, 3)
ASKED = 2  # requests of each run
DEMO_RUNS, DEMO_REQUESTS = 2, 8
CLAIMS = """\
claim,person,team,date,category,description,amount,receipt
K-1,Ada Novak,Sales,2026-10-01,train,Train to Bonn,86.40,yes
K-2,Ada Novak,Sales,2026-10-02,hotel,"Hotel, two nights",540.00,no
K-3,Ben Fischer,Service,2026-10-05,meals,Lunch,31.50,no
"""


class KillTest:
    """Workers that are killed while people answer. SOAK_SEED=... repeats a random test."""

    def __init__(self, database: Database) -> None:
        seed = int(os.environ.get("SOAK_SEED") or SystemRandom().randrange(10**6))
        say(f"SOAK_SEED={seed}")
        self.database = database
        self.random = Random(seed)
        self.pool = WorkerPool(database, WORKERS)
        self.reviewers = Reviewers(database, seed)

    def kill(self) -> None:
        """Kill workers, with the same number of answers between the kills."""
        total = RUNS * ASKED + DEMO_REQUESTS
        self.reviewers.allow(1)
        eventually(lambda: self.reviewers.answers, "somebody answers")
        for kill in range(1, KILLS + 1):
            self.reviewers.allow(total * kill // (2 * KILLS) + 1)
            self._wait_for_a_random_time()
            self.pool.kill_one(self.random)
            self.reviewers.check_alive()
            if LONG and kill % 10 == 0:
                reported = Counter(answer.status for answer in self.reviewers.answers)
                say(f"kill {kill} of {KILLS}: {dict(reported)}, {open_runs(self.database)}")
        self.reviewers.allow(total)

    def _wait_for_a_random_time(self) -> None:
        """Wait for a short or long time, or until just after an answer was sent."""
        if self.random.random() < 0.7:
            self.reviewers.wait_for_an_answer(within=2)
            time.sleep(self.random.uniform(0, 0.15))
        else:
            time.sleep(0.05 * 60 ** self.random.random())  # 0.05 to 3 s, short ones as often

    def wait_until_all_ended(self) -> None:
        """Let people answer the remaining requests until all runs end."""

        def nothing_is_open() -> bool:
            self.reviewers.check_alive()
            return not open_runs(self.database)

        eventually(nothing_is_open, "every run ends", 900 if LONG else 60)

    def close(self) -> None:
        """Stop all processes."""
        self.reviewers.leave()
        self.pool.kill_all()


@pytest.mark.soak
def test_killed_workers_lose_and_double_nothing(database: Database, tmp_path: Path) -> None:
    claims = tmp_path / "claims.csv"
    claims.write_text(CLAIMS)
    prepare(database)
    database.start(RUNS, claims)
    kill_test = KillTest(database)
    try:
        kill_test.kill()
        kill_test.wait_until_all_ended()
    finally:
        kill_test.close()
    facts, answers = database.facts(), kill_test.reviewers.answers
    reported = Counter(answer.status for answer in answers)
    say(
        f"{KILLS} kills, {len(facts['runs'])} runs, {len(facts['decisions'])} decisions, {reported}"
    )
    assert "\n".join(faults(facts, answers)) == ""
    assert len(facts["runs"]) == RUNS + DEMO_RUNS
    assert len(facts["requests"]) == RUNS * ASKED + DEMO_REQUESTS
    assert (
        re.findall(r"^.*(?: ERROR | CRITICAL |Error: ).*$", kill_test.pool.log, re.MULTILINE) == []
    )
