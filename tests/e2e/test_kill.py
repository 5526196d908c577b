"""The server is killed at random times while people answer: nothing is lost or doubled."""

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
from tests.e2e.load_reviewer import Answer, Reviewer, ReviewerThread
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
class KillTest:
    """A server that is killed `kills` times while two people answer `total` requests.

    The number of answers is limited, so that some are left for each start of the server.
    """

    database: Database
    server: ServeProcess
    kills: int
    total: int
    random: Random
    port: int = 0
    killed: int = 0
    sending: threading.Event = field(default_factory=threading.Event)
    threads: list[ReviewerThread] = field(default_factory=list)
    log: str = ""

    @property
    def answers(self) -> list[Answer]:
        """Return the answers that all people have sent so far."""
        return [answer for thread in self.threads for answer in list(thread.answers)]

    def may_answer(self) -> bool:
        """Return True if more answers may be sent before the next kill."""
        given = sum(answer.status != 409 for answer in self.answers)
        return self.killed >= self.kills or given < self.total * (self.killed + 1) / self.kills

    def begin(self) -> None:
        """Wait for the server, and start the people."""
        self.server.wait_until_healthy()
        self.port = self.server.port
        for name in ("alice", "bob"):
            reviewer = Reviewer(self.port, name)
            random = Random(f"{name} {self.random.random()}")
            thread = ReviewerThread(
                reviewer, random, may_answer=self.may_answer, sending=self.sending
            )
            self.threads.append(thread)
            thread.start()

    def kill(self) -> None:
        """Kill the server `kills` times, each time at a different time after its start."""
        while self.killed < self.kills:
            self._wait_for_a_random_time()
            self.server.kill()
            self.killed += 1
            self.log += self.server.output
            self._tell()
            self._check_reviewers()
            self.server = self.database.serve(self.port)

    def _wait_for_a_random_time(self) -> None:
        """Wait for a time during the start, soon or late after it, or when an answer is sent."""
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
            # Before the answer is stored, after that, or while the worker applies it.
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
        """Let people answer the rest until all runs end; the audit finds those that do not."""

        def nobody_waits() -> bool:
            self._check_reviewers()
            return all(thread.left_over == 0 for thread in self.threads)

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
        """Stop the people and the server."""
        for thread in self.threads:
            thread.leave()
        self.server.kill()
        self.log += self.server.output

    def _check_reviewers(self) -> None:
        for thread in self.threads:
            if thread.broke is not None:
                raise AssertionError(f"{thread.name} had an error") from thread.broke


@contextmanager
def kill_test(database: Database, *, kills: int, total: int) -> Iterator[KillTest]:
    """Make a test with a random seed, which it prints: SOAK_SEED=... repeats it."""
    seed = os.environ.get("SOAK_SEED") or str(SystemRandom().randrange(10**6))
    say(f"SOAK_SEED={seed}")
    made = KillTest(database, database.serve(), kills, total, Random(seed))
    try:
        yield made
    finally:
        made.close()


@pytest.mark.soak
def test_kills_lose_and_double_nothing(database: Database, tmp_path: Path) -> None:
    runs, kills, asked, claims = (100, 50, 7, SAMPLE) if LONG else (10, 4, 3, tmp_path / "few.csv")
    if not LONG:
        claims.write_text(FEW)
    with kill_test(database, kills=kills, total=runs * asked + 8) as this:
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
