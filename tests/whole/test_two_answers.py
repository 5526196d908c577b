"""Two people answer one request at once: one wins, the other is told who did."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.whole.audit import faults
from tests.whole.database import Database
from tests.whole.reviewer import Answer, Question, Reviewer
from tests.whole.server import ServeProcess, eventually

ROUNDS = 200 if os.environ.get("SOAK") == "1" else 10
SERVICE = os.environ.get("TEST_DATABASE_URL", "")
ONE = """\
claim,person,team,date,category,description,amount,receipt
R-1,Ada Novak,Sales,2026-10-01,meals,Lunch,31.50,no
"""


@pytest.fixture(params=["sqlite", *(["postgresql"] if SERVICE else [])])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The rows of a server: in a file, and on the tests' PostgreSQL where there is one."""
    if request.param == "sqlite":
        yield Database(tmp_path / "var")
        return
    name = f"blazen_race_{os.getpid()}"
    with psycopg.connect(SERVICE, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield Database(tmp_path / "var", f"{SERVICE.rpartition('/')[0]}/{name}")
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)


@pytest.fixture
def server(database: Database, tmp_path: Path) -> Iterator[ServeProcess]:
    """A server where as many claims are asked about as there are rounds."""
    claims = tmp_path / "one.csv"
    claims.write_text(ONE)
    database.furnish()
    database.start(ROUNDS, claims)
    running = database.serve().wait_until_healthy()
    yield running
    running.kill()


def expense(by: str, question: Question, *, approved: bool) -> Answer:
    """Return what `by` says; a claim that is not approved is refused."""
    amount, reason = ("20.00", "exception") if approved else ("0.00", "refused")
    rest = {"amount": amount, "reason": reason, "note": f"said by {by}"}
    fields = {"approved": "true" if approved else "false", **rest}
    return Answer(by, question.id, fields, {"approved": approved, **rest})


def send_at_once(*sendings: tuple[Reviewer, Answer]) -> None:
    """Post all answers at the same moment, each from a thread of its own."""
    barrier = threading.Barrier(len(sendings))

    def send(reviewer: Reviewer, answer: Answer) -> None:
        barrier.wait()
        reviewer.send(answer)

    threads = [threading.Thread(target=send, args=sending) for sending in sendings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def claims_waiting(reviewer: Reviewer) -> list[Question]:
    """Return the claims of 31.50 on the first page; the demo's runs ask other things."""
    return [one for one in reviewer.waiting() if str(one.claimed) == "31.50"]


def wait_until_asked(reviewer: Reviewer) -> None:
    """Wait until the first page shows as much as it can of what will be asked."""
    enough = min(ROUNDS, 90)  # a page has 100 rows, the demo asks 8
    eventually(lambda: len(claims_waiting(reviewer)) >= enough, "the claims are asked about")


def wait_until_completed(database: Database) -> None:
    """Wait until every answered run has ended; only the demo's two go on waiting."""

    def completed() -> bool:
        return list(database.statuses().values()).count("completed") >= ROUNDS

    eventually(completed, "the runs are completed")


def audit(database: Database, answers: list[Answer]) -> list[str]:
    """Return the faults of the runs that were answered here."""
    facts = database.facts()
    facts["runs"] = {key: one for key, one in facts["runs"].items() if one["status"] != "waiting"}
    requests = facts["requests"].items()
    facts["requests"] = {key: one for key, one in requests if one["run"] in facts["runs"]}
    assert len(facts["decisions"]) == len(facts["requests"]) == len(facts["runs"]) == ROUNDS
    return faults(facts, answers)


@pytest.mark.soak
def test_one_of_two_wins_and_the_other_sees_who(server: ServeProcess, database: Database) -> None:
    alice, bob = (Reviewer(server.port, name) for name in ("alice", "bob"))
    wait_until_asked(alice)
    answers: list[Answer] = []
    while len(answers) < 2 * ROUNDS:
        for question in claims_waiting(alice):
            hers = expense("alice", question, approved=True)
            his = expense("bob", question, approved=False)
            send_at_once((alice, hers), (bob, his))
            winner, loser = (hers, his) if hers.acknowledged else (his, hers)
            assert (winner.status, loser.status) == (303, 409)
            assert f"{winner.by} had answered already" in loser.page
            answers += [hers, his]
    wait_until_completed(database)
    assert audit(database, answers) == []


@pytest.mark.soak
def test_a_double_click_is_one_decision(server: ServeProcess, database: Database) -> None:
    one_tab, other_tab = (Reviewer(server.port, "alice") for _ in range(2))
    wait_until_asked(one_tab)
    answers: list[Answer] = []
    while len(answers) < 2 * ROUNDS:
        for question in claims_waiting(one_tab):
            first, second = (expense("alice", question, approved=True) for _ in range(2))
            send_at_once((one_tab, first), (other_tab, second))
            assert (first.status, second.status) == (303, 303)
            answers += [first, second]
    wait_until_completed(database)
    assert audit(database, answers) == []
