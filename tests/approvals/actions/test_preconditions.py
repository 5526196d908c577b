"""What the action refuses, in the order of its checks. A refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.actions import decide
from approvals.errors import (
    AlreadyAnswered,
    AnswerRefused,
    Closed,
    ContentTooLarge,
    Invalid,
    NotPermitted,
    NotVisible,
    RequestBlocked,
)
from approvals.models import Decision
from tests.support.answers import PAY, YES, everything
from tests.support.factories import (
    TYPED,
    make_answered,
    make_request,
    make_run,
    make_user,
)
from workflows.models import InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


def refusal(user: User, request_id: Any, response: Any) -> AnswerRefused:
    """Return the error of the action, after a check that nothing changed."""
    before = everything()
    with pytest.raises(AnswerRefused) as caught:
        decide(user, request_id, response, source="inbox")
    assert everything() == before
    return caught.value


@pytest.mark.parametrize(
    "unknown", [uuid4(), str(uuid4()), "nonsense", ""], ids=["UUID", "text of one", "word", "empty"]
)
def test_an_unknown_id_is_not_found(alice: User, unknown: Any) -> None:
    make_request()
    error = refusal(alice, unknown, YES)
    assert isinstance(error, NotVisible)
    assert str(unknown) in str(error)


def test_a_person_without_permission_finds_no_request(alice: User) -> None:
    assert isinstance(refusal(make_user("carol"), make_request().id, YES), NotVisible)


def test_an_inactive_reviewer_finds_no_request(alice: User) -> None:
    alice.is_active = False
    alice.save()
    assert isinstance(refusal(alice, make_request().id, YES), NotVisible)


def test_a_person_who_may_only_see_requests_may_not_answer() -> None:
    auditor = make_user("auditor", "workflows.view_inputrequest")
    assert isinstance(refusal(auditor, make_request().id, YES), NotPermitted)


def test_with_four_eyes_the_person_who_started_the_run_may_not_answer(
    alice: User, bob: User
) -> None:
    request = make_request(make_run(started_by=alice), four_eyes=True)
    error = refusal(alice, request.id, YES)
    assert isinstance(error, NotPermitted)
    assert "started its run" in str(error)
    decide(bob, request.id, YES, source="inbox")


def test_without_four_eyes_the_person_who_started_the_run_may_answer(alice: User) -> None:
    request = make_request(make_run(started_by=alice))
    assert decide(alice, request.id, YES, source="inbox")


def test_second_approver_gets_an_error_with_person_time_and_answer(alice: User, bob: User) -> None:
    request = make_request()
    decide(alice, request.id, YES, source="inbox")
    for response in (YES, {"approved": False}, "text", 3):
        error = refusal(bob, request.id, response)
        assert isinstance(error, AlreadyAnswered)
        assert (error.by, error.response) == ("alice", YES)
        assert error.at == Decision.objects.get().at
        assert "alice" in str(error)


def test_another_answer_of_the_same_person_is_a_conflict(alice: User) -> None:
    request = make_request()
    decide(alice, request.id, YES, source="inbox")
    assert isinstance(refusal(alice, request.id, {"approved": False}), AlreadyAnswered)
    assert isinstance(refusal(alice, request.id, YES | {"comment": "x"}), AlreadyAnswered)
    assert isinstance(refusal(alice, request.id, {"approved": 1}), AlreadyAnswered)


def test_the_error_names_the_workflow_if_its_input_handler_has_answered(alice: User) -> None:
    request = make_answered(YES, by=None)
    error = refusal(alice, request.id, YES)
    assert isinstance(error, AlreadyAnswered)
    assert error.by == ""
    assert "the workflow itself" in str(error)


def soon() -> Any:
    return timezone.now() + timedelta(hours=1)


def past() -> Any:
    return timezone.now() - timedelta(seconds=1)


CLOSED: dict[str, Callable[[], InputRequest]] = {
    "expired": lambda: make_request(make_run(status="failed"), status="expired", deadline=past()),
    "expired though nobody swept": lambda: make_request(deadline=past()),
    "cancelled": lambda: make_request(make_run(status="cancelled"), status="cancelled"),
    "left over by a run that completed": lambda: make_request(make_run(status="completed")),
    "left over by a run that failed": lambda: make_request(make_run(status="failed")),
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_closed_request_is_gone(alice: User, case: str) -> None:
    assert isinstance(refusal(alice, CLOSED[case]().id, YES), Closed)


def test_a_future_deadline_does_not_prevent_an_answer(alice: User) -> None:
    assert decide(alice, make_request(deadline=soon()).id, YES, source="inbox")


def test_a_blocked_run_accepts_no_answers(alice: User) -> None:
    error = refusal(alice, make_request(make_run(status="blocked")).id, YES)
    assert isinstance(error, RequestBlocked)
    assert "blocked" in str(error)


def test_a_run_of_an_unregistered_workflow_accepts_no_answers(alice: User) -> None:
    request = make_request(make_run(workflow_name="gone"))
    assert isinstance(refusal(alice, request.id, YES), RequestBlocked)


def test_a_request_whose_class_no_longer_exists_accepts_no_answers(alice: User) -> None:
    assert isinstance(refusal(alice, make_request(event="OldRequest").id, YES), RequestBlocked)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("response", ["x" * 70_000, {"approved": True, "comment": "y" * 70_000}])
def test_too_many_bytes_are_too_large(alice: User, response: Any) -> None:
    assert isinstance(refusal(alice, make_request().id, response), ContentTooLarge)


def test_too_many_levels_are_too_large(alice: User) -> None:
    assert isinstance(refusal(alice, make_request().id, nested(40)), ContentTooLarge)


@pytest.mark.parametrize(
    "response",
    [
        None, "", "  ", {"approved": "yes"}, {"approved": True, "more": 1},
        {"approved": True, "comment": 3}, {"approved": None}, "NUL \x00", "half \ud800 a pair",
        {"approved": True, "comment": "\x00"}, float("nan"), float("inf"), {"approved": 1},
    ],
)  # fmt: skip
def test_a_wrong_untyped_answer_is_invalid(alice: User, response: Any) -> None:
    error = refusal(alice, make_request().id, response)
    assert isinstance(error, Invalid)
    assert error.errors


@pytest.mark.parametrize(
    ("allow", "response"),
    [(["approve"], {"approved": False}), (["reject"], YES), (["approve", "reject"], "text")],
)
def test_a_verdict_that_the_request_does_not_allow_is_invalid(
    alice: User, allow: list[str], response: Any
) -> None:
    assert isinstance(refusal(alice, make_request(allow=allow).id, response), Invalid)


def test_all_faults_of_a_typed_answer_are_reported_at_once(alice: User) -> None:
    request = make_request(make_run(TYPED))
    error = refusal(alice, request.id, {"amount": "5000", "reason": "because", "note": 3})
    assert isinstance(error, Invalid)
    assert {fault["loc"][0] for fault in error.errors} == {"approved", "amount", "reason", "note"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_no_database_can_store_is_invalid(alice: User, number: str) -> None:
    request = make_request(make_run(TYPED))
    assert isinstance(refusal(alice, request.id, PAY | {"amount": number}), Invalid)


def test_an_unreadable_answer_is_refused_after_the_other_checks(alice: User, bob: User) -> None:
    request = make_request()
    before = everything()
    with pytest.raises(Invalid):
        decide(alice, request.id, YES, source="inbox", readable=False)
    assert everything() == before
    decide(bob, request.id, YES, source="inbox")
    with pytest.raises(AlreadyAnswered):
        decide(alice, request.id, YES, source="inbox", readable=False)


def test_each_refusal_has_its_documented_status() -> None:
    assert {
        error: error.status
        for error in (
            NotPermitted, NotVisible, AlreadyAnswered, Closed, ContentTooLarge, Invalid,
            RequestBlocked,
        )
    } == {
        NotPermitted: 403, NotVisible: 404, AlreadyAnswered: 409, Closed: 410, ContentTooLarge: 413,
        Invalid: 422, RequestBlocked: 503,
    }  # fmt: skip
