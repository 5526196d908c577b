"""Two people answer at the same time: one answer is accepted, the other error names the person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from approvals.actions import Outcome, decide
from approvals.errors import AlreadyAnswered, AnswerRefused, Closed
from approvals.models import Decision
from tests.support.factories import BARE, make_request, make_reviewer, make_run, registered
from workflows.models import Delivery, InputRequest, WorkflowRun

pytestmark = pytest.mark.django_db(transaction=True)

YES, NO = {"approved": True}, {"approved": False}


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE):
        yield


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make all calls at the same time in threads, and return the results and errors."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait()
            return call()
        except AnswerRefused as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_one_of_two_approvers_is_accepted_and_the_other_sees_who_answered() -> None:
    alice, bob = make_reviewer("alice"), make_reviewer("bob")
    for _ in range(10):
        request = make_request()
        results = together(
            partial(decide, alice, request.id, YES, source="inbox"),
            partial(decide, bob, request.id, NO, source="inbox"),
        )
        won = [result for result in results if isinstance(result, Outcome)]
        lost = [result for result in results if isinstance(result, AlreadyAnswered)]
        assert (len(won), len(lost)) == (1, 1)
        decision = Decision.objects.get(request=request)
        assert won[0].decision == decision
        assert lost[0].by == decision.by.get_username()
        assert lost[0].response == decision.response
        assert Delivery.objects.filter(run=request.run_id).count() == 1
        assert WorkflowRun.objects.get(pk=request.run_id).delivery_count == 1


def test_a_double_click_is_one_decision_and_no_error() -> None:
    alice = make_reviewer("alice")
    for _ in range(10):
        request = make_request()
        results = together(*[partial(decide, alice, request.id, YES, source="inbox")] * 3)
        assert sorted(result.again for result in results) == [False, True, True]
        assert Decision.objects.filter(request=request).count() == 1


def test_an_answer_during_the_cancelling_of_its_run_is_stored_completely_or_refused() -> None:
    alice = make_reviewer("alice")
    for _ in range(10):
        request = make_request()
        run = request.run
        answered, _ = together(
            partial(decide, alice, request.id, YES, source="inbox"),
            run.cancel,
        )
        status = InputRequest.objects.get(pk=request.pk).status
        decisions = Decision.objects.filter(request=request).count()
        deliveries = Delivery.objects.filter(run=run).count()
        if isinstance(answered, Outcome):
            assert (status, decisions, deliveries) == ("answered", 1, 1)
        else:
            assert isinstance(answered, Closed)
            assert (status, decisions, deliveries) == ("cancelled", 0, 0)


def test_two_requests_of_one_run_can_be_answered_at_the_same_time() -> None:
    alice, bob = make_reviewer("alice"), make_reviewer("bob")
    for _ in range(5):
        run = make_run()
        pairs: list[tuple[User, InputRequest]] = [
            (alice, make_request(run)), (bob, make_request(run))
        ]  # fmt: skip
        results = together(
            *[partial(decide, user, row.id, YES, source="inbox") for user, row in pairs]
        )
        assert all(isinstance(result, Outcome) for result in results)
        assert WorkflowRun.objects.get(pk=run.pk).delivery_count == 2
