"""People, deadlines and the sweep act at the same time: there is one result, and nothing twice.

The test suite does a few rounds; with SOAK=1 there are 200.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from approvals import actions
from approvals.errors import AlreadyAnswered, CannotUndo, ClaimedByOther, Closed, NotPermitted
from approvals.models import Decision
from tests.approvals.actions.test_decide_races import together
from tests.support.factories import BARE, make_reviewer, registered
from tests.support.people import NO, YES, again, asked_of
from workflows.models import Delivery, InputRequest, WorkflowRun, database_now
from workflows.worker.sweep import deadlines

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 200 if os.environ.get("SOAK") == "1" else 6
SOON = timedelta(milliseconds=250)  # enough for two threads to be ready


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE):
        yield


@pytest.fixture
def alice() -> User:
    return make_reviewer("alice")


@pytest.fixture
def bob() -> User:
    return make_reviewer("bob")


def at(moment: datetime, act: Callable[[], Any]) -> Any:
    """Do it at this time of the database's clock."""
    while database_now() < moment:
        pass
    return act()


def sweep_past(moment: datetime) -> None:
    """Sweep as workers do, until after this time."""
    now = moment
    while now <= moment:
        now = database_now()
        deadlines.sweep(now)


def shift(number: int) -> timedelta:
    """Return the time between the deadline and the person's action in this round, mostly before.

    The action makes several queries before it writes, so an action at the deadline is late.
    """
    return timedelta(milliseconds=5 - 5 * (number % 14))


@pytest.mark.parametrize("policy", ["default", "fail"])
def test_a_person_and_the_deadline_at_the_same_moment(alice: User, policy: str) -> None:
    winners = set()
    for number in range(ROUNDS):
        deadline = database_now() + SOON
        request = asked_of(deadline=deadline, on_deadline=policy, default_response=NO)
        answer = partial(actions.decide, alice, request.id, YES, source="inbox")
        decided, _ = together(
            partial(at, deadline + shift(number), answer), partial(sweep_past, deadline)
        )
        row, delivery = again(request), Delivery.objects.get(run=request.run)
        decisions = Decision.objects.filter(request=request).count()
        assert WorkflowRun.objects.get(pk=request.run_id).delivery_count == 1
        if isinstance(decided, actions.Outcome):
            assert (row.status, row.response, row.answered_by) == ("answered", YES, alice)
            assert (decisions, delivery.data["source"]) == (1, "inbox")
        elif policy == "default":
            assert isinstance(decided, AlreadyAnswered | Closed)
            assert (row.status, row.response, row.answered_by) == ("answered", NO, None)
            assert (decisions, delivery.data["source"]) == (0, "deadline")
        else:
            assert isinstance(decided, Closed)
            assert (row.status, decisions, delivery.kind) == ("expired", 0, "expire")
        winners.add(isinstance(decided, actions.Outcome))
    assert ROUNDS < 100 or winners == {True, False}


def test_two_approvals_that_complete_a_quorum_at_once(alice: User, bob: User) -> None:
    for _ in range(ROUNDS):
        request = asked_of(quorum=2)
        results = together(
            *[
                partial(actions.decide, user, request.id, YES, source="inbox")
                for user in (alice, bob)
            ]
        )
        assert all(isinstance(result, actions.Outcome) for result in results), results
        kinds = Decision.objects.filter(request=request).values_list("kind", flat=True)
        assert sorted(kinds) == ["final", "vote"]
        assert (again(request).status, again(request).votes) == ("answered", 1)
        assert Delivery.objects.filter(run=request.run).count() == 1


def test_two_approvals_of_one_person_at_once_count_as_one(alice: User) -> None:
    for _ in range(ROUNDS):
        request = asked_of(quorum=2)
        results = together(*[partial(actions.decide, alice, request.id, YES, source="inbox")] * 2)
        assert sorted(result.again for result in results) == [False, True]
        assert (again(request).votes, again(request).status) == (1, "pending")
        assert Decision.objects.filter(request=request).count() == 1


def test_an_approval_during_an_edit_never_approves_a_version_that_was_not_seen(
    alice: User, bob: User
) -> None:
    for _ in range(ROUNDS):
        request = asked_of(quorum=2, editable=["claimed"])
        seen: dict[str, Any] = {"source": "inbox", "digest": request.digest}
        together(
            partial(actions.decide, alice, request.id, YES, **seen),
            partial(actions.decide, bob, request.id, YES, **seen, edits={"claimed": "1.00"}),
        )
        row = again(request)
        assert (row.status, row.revision, row.votes) == ("pending", 2, 1)
        [standing] = Decision.objects.effective().filter(request=request)
        assert (standing.by, standing.edits) == (bob, {"claimed": "1.00"})


def test_of_two_claims_at_once_one_is_accepted(alice: User, bob: User) -> None:
    for _ in range(ROUNDS):
        request = asked_of()
        results = together(*[partial(actions.claim, user, request.id) for user in (alice, bob)])
        [won] = [one for one in results if isinstance(one, InputRequest)]
        [lost] = [one for one in results if isinstance(one, ClaimedByOther)]
        holder = again(request).claimed_by
        assert holder is not None
        assert won.claimed_by == holder
        assert lost.holder == holder.get_username()


def test_a_claim_and_an_answer_at_once_leave_no_claim_on_an_answered_request(
    alice: User, bob: User
) -> None:
    for _ in range(ROUNDS):
        request = asked_of()
        claimed, decided = together(
            partial(actions.claim, alice, request.id),
            partial(actions.decide, bob, request.id, YES, source="inbox"),
        )
        row = again(request)
        if isinstance(decided, actions.Outcome):
            assert (row.status, row.claimed_by) == ("answered", None)
        else:
            assert isinstance(decided, ClaimedByOther)
            assert (row.status, row.claimed_by, claimed.claimed_by) == ("pending", alice, alice)


def test_an_undo_and_the_delivery_at_the_same_moment(alice: User, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    winners = set()
    for number in range(ROUNDS):
        request = asked_of()
        actions.decide(alice, request.id, YES, source="inbox")
        end = database_now() + SOON
        InputRequest.objects.filter(pk=request.pk).update(undo_until=end)
        Delivery.objects.filter(run=request.run).update(not_before=end)
        undo = partial(actions.withdraw, alice, request.id, source="inbox")
        undone, _ = together(partial(at, end + shift(number), undo), partial(sweep_past, end))
        row, run = again(request), WorkflowRun.objects.get(pk=request.run_id)
        delivery = Delivery.objects.filter(run=run).first()
        kinds = Decision.objects.filter(request=request).order_by("pk")
        if isinstance(undone, Decision):
            assert (row.status, delivery, run.delivery_count, run.status) == (
                "pending",
                None,
                0,
                "waiting",
            )
            assert [one.kind for one in kinds] == ["final", "withdrawn"]
        else:
            assert isinstance(undone, CannotUndo)
            assert delivery is not None
            assert (row.status, delivery.not_before, run.delivery_count) == ("answered", None, 1)
            assert [one.kind for one in kinds] == ["final"]
        winners.add(isinstance(undone, Decision))
    assert ROUNDS < 100 or winners == {True, False}


def test_the_last_approval_and_a_withdrawal_at_once(alice: User, bob: User) -> None:
    winners = set()
    for _ in range(ROUNDS):
        request = asked_of(quorum=2)
        actions.decide(alice, request.id, YES, source="inbox")
        decided, taken_back = together(
            partial(actions.decide, bob, request.id, YES, source="inbox"),
            partial(actions.withdraw, alice, request.id, source="inbox"),
        )
        row = again(request)
        standing = Decision.objects.effective().filter(request=request).order_by("pk")
        found = [(one.by.username, one.kind) for one in standing]
        if isinstance(taken_back, Decision):
            assert (row.status, row.votes, decided.votes) == ("pending", 1, 1)
            assert found == [("bob", "vote")]
        else:
            assert isinstance(taken_back, CannotUndo | NotPermitted)
            assert (row.status, row.answered_by) == ("answered", bob)
            assert found == [("alice", "vote"), ("bob", "final")]
        winners.add(isinstance(taken_back, Decision))
    assert ROUNDS < 100 or winners == {True, False}
