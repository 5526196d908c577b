"""Kill -9 of one of three workers, again and again, under load: nothing is lost or doubled."""

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
from tests.e2e.workers import Crew, Staff, open_runs, prepare

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


class Ordeal:
    """Workers that are killed while people answer, their chances known: SOAK_SEED=..."""

    def __init__(self, database: Database) -> None:
        seed = int(os.environ.get("SOAK_SEED") or SystemRandom().randrange(10**6))
        say(f"SOAK_SEED={seed}")
        self.database = database
        self.random = Random(seed)
        self.crew = Crew(database, WORKERS)
        self.staff = Staff(database, seed)

    def kill(self) -> None:
        """Kill as often as asked, while an even share of the answers comes in between."""
        total = RUNS * ASKED + DEMO_REQUESTS
        self.staff.allow(1)
        eventually(lambda: self.staff.answers, "somebody answers")
        for kill in range(1, KILLS + 1):
            self.staff.allow(total * kill // (2 * KILLS) + 1)
            self._wait_for_a_bad_moment()
            self.crew.kill_one(self.random)
            self.staff.check_alive()
            if LONG and kill % 10 == 0:
                reported = Counter(answer.status for answer in self.staff.answers)
                say(f"kill {kill} of {KILLS}: {dict(reported)}, {open_runs(self.database)}")
        self.staff.allow(total)

    def _wait_for_a_bad_moment(self) -> None:
        """Soon, later, or just as an answer is on its way to a worker."""
        if self.random.random() < 0.7:
            self.staff.wait_for_an_answer(within=2)
            time.sleep(self.random.uniform(0, 0.15))
        else:
            time.sleep(0.05 * 60 ** self.random.random())  # 0.05 to 3 s, short ones as often

    def wait_until_all_ended(self) -> None:
        """Let people answer what is left, and the runs end."""

        def nothing_is_open() -> bool:
            self.staff.check_alive()
            return not open_runs(self.database)

        eventually(nothing_is_open, "every run ends", 900 if LONG else 60)

    def close(self) -> None:
        """Leave no process behind."""
        self.staff.leave()
        self.crew.kill_all()


@pytest.mark.soak
def test_killed_workers_lose_and_double_nothing(database: Database, tmp_path: Path) -> None:
    claims = tmp_path / "claims.csv"
    claims.write_text(CLAIMS)
    prepare(database)
    database.start(RUNS, claims)
    ordeal = Ordeal(database)
    try:
        ordeal.kill()
        ordeal.wait_until_all_ended()
    finally:
        ordeal.close()
    facts, answers = database.facts(), ordeal.staff.answers
    reported = Counter(answer.status for answer in answers)
    say(
        f"{KILLS} kills, {len(facts['runs'])} runs, {len(facts['decisions'])} decisions, {reported}"
    )
    assert "\n".join(faults(facts, answers)) == ""
    assert len(facts["runs"]) == RUNS + DEMO_RUNS
    assert len(facts["requests"]) == RUNS * ASKED + DEMO_REQUESTS
    assert re.findall(r"^.*(?: ERROR | CRITICAL |Error: ).*$", ordeal.crew.log, re.MULTILINE) == []
