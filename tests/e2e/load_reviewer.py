"""People who answer over HTTP: they read the inbox, choose a request and post a form."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from tests.e2e.server import Person

ACCEPTED = (200, 303)
OFFLINE = (OSError, http.client.HTTPException)  # the errors of a client whose server was killed

ROW = re.compile(r'<li data-request="([0-9a-f-]{36})".*?</li>', re.DOTALL)
CLAIMED = re.compile(r"([0-9][0-9,]*\.[0-9]{2}) EUR, (?:is|has) ")


@dataclass(frozen=True, slots=True)
class Question:
    """A row of the inbox. `claimed` is None if the request is not about an expense claim."""

    id: str
    claimed: Decimal | None


@dataclass(slots=True)
class Answer:
    """An answer that a person sends, and the response.

    `fields` is the form, `said` the answer as it has to be stored. `status` is None until there is
    a response; without one, the person cannot know whether the answer was accepted.
    """

    by: str
    request: str
    fields: dict[str, str]
    said: dict[str, Any]
    status: int | None = None
    page: str = field(default="", repr=False)

    @property
    def acknowledged(self) -> bool:
        """True if the server accepted the answer."""
        return self.status in ACCEPTED


class Reviewer(Person):
    """A logged-in person who may decide."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(port)
        self.name = name
        status = self.log_in(name)
        assert status == 302, f"{name} could not log in: {status}"

    def waiting(self) -> list[Question]:
        """Return the first page of the inbox."""
        status, page = self.get("/")
        assert status == 200, f"the inbox of {self.name} has status {status}"
        return [_question(found) for found in ROW.finditer(page)]

    def send(self, answer: Answer) -> None:
        """Post an answer. It is acknowledged as soon as the status of the response has arrived."""
        body = self.form(**answer.fields)
        with self.asking("POST", f"/requests/{answer.request}/decide/", body) as response:
            answer.status = response.status
            answer.page = response.read().decode()


def answer_to(question: Question, by: str, note: str, random: Random) -> Answer:
    """Return a random answer that fits the schema, with at most the claimed amount."""
    if question.claimed is None:
        fields = {"verdict": "approve", "comment": note}
        return Answer(by, question.id, fields, {"approved": True, "comment": note})
    approved = random.random() < 0.7
    cents = random.randint(0, int(question.claimed * 100))
    amount = f"{Decimal(cents) / 100:.2f}"
    reason = random.choice(["in policy", "exception"]) if approved else "refused"
    rest = {"amount": amount, "reason": reason, "note": note}
    fields = {"approved": "true" if approved else "false", **rest}
    return Answer(by, question.id, fields, {"approved": approved, **rest})


def _question(row: re.Match[str]) -> Question:
    claimed = CLAIMED.search(row.group(0))
    amount = Decimal(claimed.group(1).replace(",", "")) if claimed else None
    return Question(row.group(1), amount)


class ReviewerThread(threading.Thread):
    """A thread with a reviewer who answers until `leave`, also when the server restarts.

    `may_answer` is called before each answer, and `sending` is set just before one is sent. An
    answer without an acknowledgement is sometimes sent again and sometimes not.
    """

    def __init__(
        self,
        reviewer: Reviewer,
        random: Random,
        *,
        may_answer: Callable[[], bool],
        sending: threading.Event,
    ) -> None:
        super().__init__(name=reviewer.name, daemon=True)
        self.answers: list[Answer] = []
        self.left_over = -1  # rows in the inbox when it was read last
        self.broke: BaseException | None = None
        self._reviewer = reviewer
        self._random = random
        self._may_answer = may_answer
        self._sending = sending
        self._leaving = threading.Event()

    def leave(self) -> None:
        """Stop after the present answer."""
        self._leaving.set()
        self.join()

    def run(self) -> None:
        """Read and answer. An error is stored in `broke`."""
        try:
            while not self._leaving.is_set():
                try:
                    self._work()
                except OFFLINE:
                    self._leaving.wait(0.02)
        except BaseException as error:
            self.broke = error

    def _work(self) -> None:
        waiting = self._reviewer.waiting()
        self.left_over = len(waiting)
        self._random.shuffle(waiting)
        for question in waiting[:6]:  # the list is stale by then, as on a screen
            while not self._may_answer():
                if self._leaving.wait(0.01):
                    return
            self._answer(question)
        if not waiting:
            self._leaving.wait(0.05)

    def _answer(self, question: Question) -> None:
        note = f"{self.name} {len(self.answers)}"
        answer = answer_to(question, self.name, note, self._random)
        self.answers.append(answer)
        self._sending.set()
        try:
            self._reviewer.send(answer)
        except OFFLINE:
            if answer.status is None and self._random.random() < 0.5:
                self._insist(answer)

    def _insist(self, answer: Answer) -> None:
        """Send the same answer again until there is a response."""
        while answer.status is None and not self._leaving.wait(0.05):
            try:
                self._reviewer.send(answer)
            except OFFLINE:
                continue
