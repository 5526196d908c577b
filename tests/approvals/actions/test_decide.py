"""An accepted answer is stored once, is never changed, and is delivered to the run."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.actions import decide
from approvals.models import Decision
from tests.support.answers import PAY, YES, everything
from tests.support.factories import (
    TYPED,
    make_request,
    make_run,
)
from workflows.models import Delivery, WorkflowRun
from workflows.models.append_only import RecordIsFinal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


def test_an_answer_closes_the_request_and_wakes_the_run(alice: User) -> None:
    request = make_request()
    outcome = decide(alice, request.id, YES | {"comment": "Fine."}, source="inbox")
    request.refresh_from_db()
    run = WorkflowRun.objects.get()
    assert (request.status, request.answered_by, request.source) == ("answered", alice, "inbox")
    assert (run.status, run.delivery_count) == ("queued", 1)
    assert not outcome.again
    decision = Decision.objects.get()
    assert (decision.by, decision.source, decision.at) == (alice, "inbox", request.answered_at)
    assert decision.response == request.response == {"approved": True, "comment": "Fine."}
    assert Delivery.objects.get().data == {
        "request_id": request.request_id,
        "response": {"approved": True, "comment": "Fine."},
        "by": "alice",
        "source": "inbox",
    }


def test_a_typed_answer_is_stored_normalised(alice: User) -> None:
    request = make_request(make_run(TYPED))
    decide(alice, str(request.id), PAY | {"amount": 12.5}, source="command")
    stored = Decision.objects.get().response
    assert stored == {"approved": True, "amount": "12.5", "reason": "exception", "note": None}


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "paused"])
def test_an_answer_is_accepted_in_each_state_of_an_open_run(alice: User, status: str) -> None:
    request = make_request(make_run(status=status))
    decide(alice, request.id, "Some text.", source="inbox")
    run = WorkflowRun.objects.get()
    assert run.status == ("queued" if status == "waiting" else status)
    assert run.delivery_count == Delivery.objects.count() == 1


@pytest.mark.parametrize("same", [PAY, PAY | {"amount": "12.50", "note": None}])
def test_the_same_answer_again_is_accepted_and_changes_nothing(alice: User, same: Any) -> None:
    request = make_request(make_run(TYPED))
    first = decide(alice, request.id, PAY, source="inbox")
    before = everything()
    second = decide(alice, request.id, same, source="command")
    assert second.again
    assert second.decision == first.decision
    assert everything() == before


def test_the_same_answer_again_is_accepted_after_the_run_has_ended(alice: User) -> None:
    request = make_request()
    decide(alice, request.id, YES, source="inbox")
    WorkflowRun.objects.update(status="completed", finished_at=timezone.now(), wake_at=None)
    assert decide(alice, request.id, YES, source="inbox").again


def test_a_decision_is_never_edited_or_deleted(alice: User) -> None:
    decision = decide(alice, make_request().id, YES, source="inbox").decision
    decision.response = {"approved": False}
    with pytest.raises(RecordIsFinal):
        decision.save()
    with pytest.raises(RecordIsFinal):
        decision.delete()
    with pytest.raises(RecordIsFinal):
        Decision.objects.update(source="other")
    with pytest.raises(RecordIsFinal):
        Decision.objects.all().delete()
    assert Decision.objects.get().response == YES
