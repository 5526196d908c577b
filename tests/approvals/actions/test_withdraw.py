"""Answers and approvals that are withdrawn before they are delivered to the run."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from approvals import actions
from approvals.audit.seals import supersede
from approvals.errors import (
    CannotUndo,
    Closed,
    NotPermitted,
)
from approvals.models import Decision
from tests.support.factories import make_reviewer
from tests.support.people import NO, again, asked_of, decide, soon
from workflows.models import Delivery, InputRequest, WorkflowRun
from workflows.models.append_only import RecordIsFinal
from workflows.models.requests.digest import digest_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.fixture
def carol() -> User:
    return make_reviewer("carol")


@pytest.fixture
def undo(settings: Any) -> None:
    settings.UNDO_SECONDS = 60


@pytest.mark.usefixtures("undo")
def test_an_undone_answer_is_not_delivered(alice: User, bob: User) -> None:
    request = asked_of()
    decide(alice, request)
    run = WorkflowRun.objects.get(pk=request.run_id)
    assert (run.status, run.delivery_count) == ("waiting", 0)
    assert Delivery.objects.get().not_before == again(request).undo_until
    with pytest.raises(NotPermitted):
        actions.withdraw(bob, request.id, source="inbox")
    assert actions.withdraw(alice, request.id, source="inbox").kind == "withdrawn"
    row = again(request)
    assert (row.status, row.answered_by, row.source, row.response) == ("pending", None, "", None)
    assert not Delivery.objects.exists()
    with pytest.raises(CannotUndo, match="no answer"):
        actions.withdraw(alice, request.id, source="inbox")
    decide(bob, request, NO)
    kinds = [(one.kind, one.superseded_at is None) for one in Decision.objects.order_by("pk")]
    assert kinds == [("final", False), ("withdrawn", True), ("final", True)]


@pytest.mark.usefixtures("undo")
def test_the_approvals_of_others_stay_when_the_last_one_is_withdrawn(
    alice: User, bob: User
) -> None:
    request = asked_of(quorum=2, editable=["claimed"], payload={"claimed": "640.00"})
    decide(alice, request, edits={"claimed": "600.00"})
    decide(bob, request)
    actions.withdraw(bob, request.id, source="inbox")
    assert (again(request).votes, again(request).edits) == (1, {"claimed": "600.00"})
    assert decide(bob, request).decision.kind == "final"


@pytest.mark.usefixtures("undo")
def test_a_withdrawn_rejection_keeps_the_edits_of_a_withdrawn_approval(
    alice: User, bob: User
) -> None:
    request = asked_of(quorum=2, editable=["claimed"], payload={"claimed": "640.00"})
    decide(alice, request, edits={"claimed": "600.00"})
    actions.withdraw(alice, request.id, source="inbox")
    decide(bob, request, NO)
    actions.withdraw(bob, request.id, source="inbox")
    row = again(request)
    assert (row.edits, row.digest) == ({"claimed": "600.00"}, digest_of(row))


@pytest.mark.usefixtures("undo")
def test_an_answer_cannot_be_withdrawn_after_the_time_for_undo(alice: User) -> None:
    request = asked_of()
    decide(alice, request)
    InputRequest.objects.filter(pk=request.pk).update(undo_until=soon(seconds=-1))
    with pytest.raises(CannotUndo, match="on its way"):
        actions.withdraw(alice, request.id, source="inbox")
    other = asked_of()
    decide(alice, other)
    other.run.cancel()
    with pytest.raises(Closed):
        actions.withdraw(alice, other.id, source="inbox")
    assert Delivery.objects.count() == 2


def test_an_answer_cannot_be_withdrawn_without_a_time_for_undo(alice: User) -> None:
    request = asked_of()
    decide(alice, request)
    assert again(request).undo_until is None
    with pytest.raises(CannotUndo):
        actions.withdraw(alice, request.id, source="inbox")


def test_a_decision_is_never_edited_but_may_be_superseded(alice: User) -> None:
    decide(alice, asked_of())
    decisions = Decision.objects.all()
    with pytest.raises(RecordIsFinal):
        decisions.update(superseded_at=soon())
    assert supersede(decisions, soon()) == 1
    assert supersede(decisions, soon()) == 0


def test_an_approval_can_be_withdrawn_while_others_are_missing(
    alice: User, bob: User, carol: User
) -> None:
    request = asked_of(quorum=3)
    decide(alice, request)
    decide(bob, request)
    assert actions.withdraw(alice, request.id, source="inbox").kind == "withdrawn"
    assert (again(request).status, again(request).votes) == ("pending", 1)
    note = request.comments.get()
    assert (note.by, note.text, note.is_system) == (alice, "withdrew the approval", True)
    assert decide(carol, request).votes == 2
    assert decide(alice, request).decision.kind == "final"
    kinds = [(one.by.username, one.kind) for one in Decision.objects.effective().order_by("pk")]
    assert kinds == [("bob", "vote"), ("carol", "vote"), ("alice", "final")]


def test_only_ones_own_approval_can_be_withdrawn_and_only_once(alice: User, bob: User) -> None:
    request = asked_of(quorum=2)
    decide(alice, request)
    with pytest.raises(CannotUndo, match="no approval of yours"):
        actions.withdraw(bob, request.id, source="inbox")
    assert again(request).votes == 1
    actions.withdraw(alice, request.id, source="inbox")
    with pytest.raises(CannotUndo, match="no answer"):
        actions.withdraw(alice, request.id, source="inbox")
    assert (again(request).votes, request.comments.count()) == (0, 1)


def test_an_approval_of_an_earlier_version_cannot_be_withdrawn(alice: User, bob: User) -> None:
    request = asked_of(quorum=2, editable=["claimed"], payload={"claimed": "640.00"})
    decide(alice, request)
    decide(bob, request, edits={"claimed": "600.00"})
    with pytest.raises(CannotUndo, match="no approval of yours"):
        actions.withdraw(alice, request.id, source="inbox")
    version = again(request).version
    actions.withdraw(bob, request.id, source="inbox")
    row = again(request)  # his edit stays, although nobody has approved it now
    assert (row.votes, row.edits, row.version) == (0, {"claimed": "600.00"}, version)
    assert decide(alice, request, digest=version).votes == 1


def test_an_approval_cannot_be_withdrawn_after_the_deadline(alice: User) -> None:
    request = asked_of(quorum=2)
    decide(alice, request)
    InputRequest.objects.filter(pk=request.pk).update(deadline=soon(seconds=-1))
    with pytest.raises(Closed, match="expired"):
        actions.withdraw(alice, request.id, source="inbox")
    assert again(request).votes == 1


def test_an_approval_can_be_withdrawn_while_the_run_is_blocked(alice: User) -> None:
    request = asked_of(quorum=2)
    decide(alice, request)
    WorkflowRun.objects.filter(pk=request.run_id).update(status="blocked", wake_at=None)
    actions.withdraw(alice, request.id, source="inbox")
    assert again(request).votes == 0
