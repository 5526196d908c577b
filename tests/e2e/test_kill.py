"""Kill -9 at random moments, again and again, while people answer: nothing is lost or doubled."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

import pytest

from tests.e2e.audit import faults
from tests.e2e.database import Database
from tests.e2e.load_reviewer import Answer, Desk, Reviewer
from tests.e2e.server import PATIENCE, ROOT, ServeProcess, eventually, say

LONG = os.environ.get("SOAK") == "1"
SAMPLE = ROOT / "workflows" / "flows" / "expenses" / "sample.csv"
FEW = """\
claim,person,team,date,category,description,amount,receipt
K-1,Ada Novak,Sales,2026-10-01,train,Train to Bonn,86.40,yes
K-2,Ada Novak,Sales,2026-10-02,hotel,"Hotel, two nights",540.00,no
K-3,Ben Fischer,Service,2026-10-05,meals,Lunch,31.50,no
K-4,Ben Fischer,Service,2026-10-06,meals,Breakfast,11.80,no
K-5,Cleo Wirth,Service,2026-10-07,phone,Roaming,75.25,no
"""


@dataclass
class Ordeal:
    """A server that is killed `kills` times while two people answer `total` requests.

    They may answer so many that some are left for every life of the server.
    """

    database: Database
    server: ServeProcess
    kills: int
    total: int
    random: Random
    port: int = 0
    killed: int = 0
    sending: threading.Event = field(default_factory=threading.Event)
    desks: list[Desk] = field(default_factory=list)
    log: str = ""

    @property
    def answers(self) -> list[Answer]:
        """Return what everybody has sent so far."""
        return [answer for desk in self.desks for answer in list(desk.answers)]

    def may_answer(self) -> bool:
        """Say whether this life of the server has had its share of answers."""
        given = sum(answer.status != 409 for answer in self.answers)
        return self.killed >= self.kills or given < self.total * (self.killed + 1) / self.kills

    def begin(self) -> None:
        """Wait for the server, and let people come."""
        self.server.wait_until_healthy()
        self.port = self.server.port
        for name in ("alice", "bob"):
            reviewer = Reviewer(self.port, name)
            random = Random(f"{name} {self.random.random()}")
            desk = Desk(reviewer, random, may_answer=self.may_answer, sending=self.sending)
            self.desks.append(desk)
            desk.start()

    def kill(self) -> None:
        """Kill the server as often as asked, each time at another moment of its life."""
        while self.killed < self.kills:
            self._wait_for_a_bad_moment()
            self.server.kill()
            self.killed += 1
            self.log += self.server.output
            self._tell()
            self._check_desks()
            self.server = self.database.serve(self.port)

    def _wait_for_a_bad_moment(self) -> None:
        """While it starts, soon or late after it serves, or just as an answer reaches it."""
        kind = self.random.choice(["starting", "serving", "serving", "answering", "answering"])
        if kind == "starting":
            time.sleep(self.random.uniform(0.05, 2.5))
            return
        eventually(self._serves, "the server announces its port")
        if kind == "answering":
            for _ in range(self.random.randint(1, 15)):
                self.sending.clear()
                if not self.sending.wait(1):
                    break
            # Before the answer is stored, after that, and while the worker takes it in.
            time.sleep(self.random.uniform(0, 0.15))
        else:
            time.sleep(0.05 * 120 ** self.random.random())  # 0.05 to 6 s, short ones as often

    def _serves(self) -> bool:
        assert self.server.process.poll() is None, f"The server ended:\n{self.server.output}"
        return self.server.port != 0

    def _tell(self) -> None:
        if LONG:
            reported = Counter(answer.status for answer in self.answers)
            say(
                f"kill {self.killed} of {self.kills}: {reported[303]} answers acknowledged, "
                f"{reported[409]} came second, {reported[None]} without an acknowledgement"
            )

    def wait_until_nothing_is_open(self) -> None:
        """Let people answer what is left, and the runs end; the audit names those that do not."""

        def nobody_waits() -> bool:
            self._check_desks()
            return all(desk.left_over == 0 for desk in self.desks)

        eventually(nobody_waits, "the inbox is empty", 300 if LONG else 60)
        deadline = time.monotonic() + PATIENCE
        while self._some_run_is_open() and time.monotonic() < deadline:
            continue

    def _some_run_is_open(self) -> bool:
        counts = Counter(self.database.statuses().values())
        if LONG:
            say(f"after the last kill: {dict(counts)}")
        return bool(counts.keys() & {"queued", "running", "waiting"})

    def close(self) -> None:
        """Send everybody home, and stop the server that lives on."""
        for desk in self.desks:
            desk.leave()
        self.server.kill()
        self.log += self.server.output

    def _check_desks(self) -> None:
        for desk in self.desks:
            if desk.broke is not None:
                raise AssertionError(f"{desk.name} could not go on") from desk.broke


@contextmanager
def ordeal(database: Database, *, kills: int, total: int) -> Iterator[Ordeal]:
    """Make an ordeal whose chances can be had again: SOAK_SEED=..., as it prints."""
    seed = os.environ.get("SOAK_SEED") or str(SystemRandom().randrange(10**6))
    say(f"SOAK_SEED={seed}")
    made = Ordeal(database, database.serve(), kills, total, Random(seed))
    try:
        yield made
    finally:
        made.close()


@pytest.mark.soak
def test_kills_lose_and_double_nothing(database: Database, tmp_path: Path) -> None:
    runs, kills, asked, claims = (100, 50, 7, SAMPLE) if LONG else (10, 4, 3, tmp_path / "few.csv")
    if not LONG:
        claims.write_text(FEW)
    with ordeal(database, kills=kills, total=runs * asked + 8) as this:
        this.begin()
        database.start(runs, claims)
        this.kill()
        this.wait_until_nothing_is_open()
    facts = database.facts()
    reported = Counter(answer.status for answer in this.answers)
    say(
        f"{kills} kills, {len(facts['runs'])} runs, {len(facts['decisions'])} decisions, {reported}"
    )
    assert "\n".join(faults(facts, this.answers)) == ""
    assert len(facts["runs"]) == runs + 2
    assert len(facts["requests"]) == runs * asked + 8
    assert re.findall(r"^.*(?: ERROR | CRITICAL |Error: ).*$", this.log, re.MULTILINE) == []
