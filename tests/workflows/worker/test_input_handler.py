"""The input handler of a durable run: asked before people are, and once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import flows
from tests.support.worker_control import (
    Drive,
    Register,
    fresh,
    start,
)
from workflows.engine import (
    InputRequestEvent,
    InputResponseEvent,
    Workflow,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]


class Answers:
    """An input handler that gives the answer of a test."""

    def __init__(self, response: Any = None, *, error: bool = False) -> None:
        self.asked: list[str] = []
        self.response = response
        self.error = error

    async def __call__(self, request: InputRequestEvent) -> InputResponseEvent | None:
        self.asked.append(request.request_id)
        if self.error:
            raise ValueError("the handler is broken")
        if self.response is None:
            return None
        request_id = self.response.pop("request_id", request.request_id)
        return InputResponseEvent(request_id=request_id, response=self.response)

    def workflow(self) -> Workflow:
        return Workflow("t-handled", steps=[flows.ask, flows.finish], input_handler=self)


def test_an_answer_of_the_input_handler_has_no_person(drive: Drive, register: Register) -> None:
    handler = Answers({"approved": True})
    run = start(register(handler.workflow()))
    drive()
    assert fresh(run).status == "completed"
    request = run.requests.get()
    assert (request.status, request.source, request.answered_by) == ("answered", "handler", None)
    assert handler.asked == [request.request_id]


def test_a_handler_that_leaves_it_to_people_is_not_asked_again(
    drive: Drive, register: Register
) -> None:
    handler = Answers(None)
    run = start(register(handler.workflow()))
    drive()
    assert fresh(run).status == "waiting"
    fresh(run).pause()
    fresh(run).resume()
    drive()
    assert len(handler.asked) == 1
    run.requests.get().answer({"approved": False}, by=None, source="test")
    drive()
    assert (fresh(run).result or {})["approved"] is False


@pytest.mark.parametrize("handler", [Answers(error=True), Answers({"approved": "perhaps"})])
def test_a_handler_that_fails_leaves_the_request_to_people(
    handler: Answers, drive: Drive, register: Register
) -> None:
    run = start(register(handler.workflow()))
    drive()
    assert fresh(run).status == "waiting"
    run.requests.get().answer({"approved": True}, by=None, source="test")
    drive()
    assert fresh(run).status == "completed"


def test_a_handler_that_answers_another_request_fails_the_run(
    drive: Drive, register: Register
) -> None:
    run = start(register(Answers({"approved": True, "request_id": "other"}).workflow()))
    drive()
    assert fresh(run).status == "failed"
    assert (fresh(run).error or {})["kind"] == "WrongRequestId"
    assert "'other'" in (fresh(run).error or {})["message"]
