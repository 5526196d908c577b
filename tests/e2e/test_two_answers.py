"""Two people answer one request at once: one is accepted, the other error names the person."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.audit import faults
from tests.e2e.database import Database
from tests.e2e.load_reviewer import Answer, Question, Reviewer
from tests.e2e.server import ServeProcess, eventually, say

ROUNDS = 200 if os.environ.get("SOAK") == "1" else 10
ONE = """\
claim,person,team,date,category,description,amount,receipt
R-1,Ada Novak,Sales,2026-10-01,meals,Lunch,31.50,no
"""


@pytest.fixture(scope="module")
def server(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server with enough claims for all rounds of the two tests below."""
    claims = tmp_path_factory.mktemp("claims") / "one.csv"
    claims.write_text(ONE)
    running = database.serve().wait_until_healthy()
    database.start(2 * ROUNDS, claims)
    yield running
    running.kill()


def expense(by: str, question: Question, *, approved: bool) -> Answer:
    """Return the answer of `by`: an approval or a rejection."""
    amount, reason = ("20.00", "exception") if approved else ("0.00", "refused")
    rest = {"amount": amount, "reason": reason, "note": f"said by {by}"}
    fields = {"approved": "true" if approved else "false", **rest}
    return Answer(by, question.id, fields, {"approved": approved, **rest})


def send_at_once(*sendings: tuple[Reviewer, Answer]) -> None:
    """Post all answers at the same time, each in its own thread."""
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
    """Return the claims of 31.50 on the first page; the demo data has no such claims."""
    return [one for one in reviewer.waiting() if str(one.claimed) == "31.50"]


def next_claims(reviewer: Reviewer, wanted: int) -> list[Question]:
    """Return up to `wanted` pending claims, as soon as there are any."""
    eventually(lambda: claims_waiting(reviewer), "a claim is asked about")
    return claims_waiting(reviewer)[:wanted]


def audit(database: Database, answers: list[Answer]) -> list[str]:
    """Wait until the runs that were answered here have ended, and return their faults."""
    mine = {answer.request for answer in answers}
    facts: dict[str, Any] = {}

    def ended() -> bool:
        facts.update(database.facts())
        runs = {row["run"] for key, row in facts["requests"].items() if key in mine}
        facts["runs"] = {key: facts["runs"][key] for key in runs}
        return all(run["status"] == "completed" for run in facts["runs"].values())

    eventually(ended, "the runs are completed")
    facts["requests"] = {key: facts["requests"][key] for key in mine}
    facts["decisions"] = [one for one in facts["decisions"] if one["request"] in mine]
    facts["deliveries"] = [one for one in facts["deliveries"] if one["run"] in facts["runs"]]
    assert len(facts["decisions"]) == len(facts["runs"]) == ROUNDS
    return faults(facts, answers)


@pytest.mark.soak
def test_one_of_two_is_accepted_and_the_other_sees_who_it_was(
    server: ServeProcess, database: Database
) -> None:
    alice, bob = (Reviewer(server.port, name) for name in ("alice", "bob"))
    answers: list[Answer] = []
    while len(answers) < 2 * ROUNDS:
        for question in next_claims(alice, ROUNDS - len(answers) // 2):
            hers = expense("alice", question, approved=True)
            his = expense("bob", question, approved=False)
            send_at_once((alice, hers), (bob, his))
            winner, loser = (hers, his) if hers.acknowledged else (his, hers)
            assert (winner.status, loser.status) == (303, 409)
            assert f"already answered by {winner.by}" in loser.page
            answers += [hers, his]
    wins = sum(answer.acknowledged for answer in answers if answer.by == "alice")
    say(f"{ROUNDS} races: alice won {wins}, bob {ROUNDS - wins}")
    assert "\n".join(audit(database, answers)) == ""


@pytest.mark.soak
def test_a_double_click_is_one_decision(server: ServeProcess, database: Database) -> None:
    one_tab, other_tab = (Reviewer(server.port, "alice") for _ in range(2))
    answers: list[Answer] = []
    while len(answers) < 2 * ROUNDS:
        for question in next_claims(one_tab, ROUNDS - len(answers) // 2):
            first, second = (expense("alice", question, approved=True) for _ in range(2))
            send_at_once((one_tab, first), (other_tab, second))
            assert (first.status, second.status) == (303, 303)
            answers += [first, second]
    assert "\n".join(audit(database, answers)) == ""
