"""An answer that is taken back before its run has heard of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from approvals import door
from approvals.errors import (
    CannotUndo,
    Closed,
    NotPermitted,
)
from approvals.models import Decision, DecisionIsFinal
from tests.app.company import NO, again, asked_of, decide, soon
from workflows.models import Delivery, InputRequest, WorkflowRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.fixture
def undo(settings: Any) -> None:
    settings.UNDO_SECONDS = 60


@pytest.mark.usefixtures("undo")
def test_an_answer_that_is_taken_back_was_never_delivered(alice: User, bob: User) -> None:
    request = asked_of()
    decide(alice, request)
    run = WorkflowRun.objects.get(pk=request.run_id)
    assert (run.status, run.inbox) == ("waiting", 0)
    assert Delivery.objects.get().not_before == again(request).undo_until
    with pytest.raises(NotPermitted):
        door.withdraw(bob, request.id, door="inbox")
    assert door.withdraw(alice, request.id, door="inbox").kind == "withdrawn"
    row = again(request)
    assert (row.status, row.answered_by, row.door, row.response) == ("pending", None, "", None)
    assert not Delivery.objects.exists()
    with pytest.raises(CannotUndo, match="no answer"):
        door.withdraw(alice, request.id, door="inbox")
    decide(bob, request, NO)
    kinds = [(one.kind, one.voided_at is None) for one in Decision.objects.order_by("pk")]
    assert kinds == [("final", False), ("withdrawn", True), ("final", True)]


@pytest.mark.usefixtures("undo")
def test_the_votes_of_others_stand_when_the_last_one_is_taken_back(alice: User, bob: User) -> None:
    request = asked_of(quorum=2, editable=["claimed"])
    decide(alice, request, edits={"claimed": "600.00"})
    decide(bob, request)
    door.withdraw(bob, request.id, door="inbox")
    assert (again(request).votes, again(request).edits) == (1, {"claimed": "600.00"})
    assert decide(bob, request).decision.kind == "final"


@pytest.mark.usefixtures("undo")
def test_too_late_is_too_late(alice: User) -> None:
    request = asked_of()
    decide(alice, request)
    InputRequest.objects.filter(pk=request.pk).update(undo_until=soon(seconds=-1))
    with pytest.raises(CannotUndo, match="on its way"):
        door.withdraw(alice, request.id, door="inbox")
    other = asked_of()
    decide(alice, other)
    other.run.cancel()
    with pytest.raises(Closed):
        door.withdraw(alice, other.id, door="inbox")
    assert Delivery.objects.count() == 2


def test_without_a_window_there_is_no_undo(alice: User) -> None:
    request = asked_of()
    decide(alice, request)
    assert again(request).undo_until is None
    with pytest.raises(CannotUndo):
        door.withdraw(alice, request.id, door="inbox")


def test_what_was_decided_is_never_edited_but_may_cease_to_count(alice: User) -> None:
    decide(alice, asked_of())
    decisions = Decision.objects.all()
    with pytest.raises(DecisionIsFinal):
        decisions.update(voided_at=soon())
    assert decisions.void(soon()) == 1
    assert decisions.void(soon()) == 0
