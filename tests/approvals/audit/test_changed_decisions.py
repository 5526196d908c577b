"""`manage.py verify_decisions` finds changed decisions, and accepts superseded ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from approvals import actions
from approvals.audit.seals import seal_new
from approvals.models import Decision
from tests.approvals.audit.verification import NO_TIME, TABLE, faults, sql, verify
from tests.support.answers import YES
from tests.support.factories import make_request
from tests.support.people import NO, again, asked_of, decide

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "vote"),
        ("at", "2020-01-01 00:00:00+00:00"),
        ("response", '{"approved": false}'),
        ("edits", '{"claimed": "1"}'),
        ("revision", 2),
        ("source", "command"),
        ("name", "mallory"),
        ("address", "10.9.9.9"),
        ("session", "0" * 64),
        ("account", "root"),
        ("seen", "0" * 64),
        ("signature", "0" * 64),
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_changed_column_is_found(alice: User, column: str, value: Any, sealed: bool) -> None:
    decision = decide(alice, make_request()).decision
    if sealed:
        seal_new()
    sql(f"UPDATE {TABLE} SET {column} = %s WHERE id = %s", value, decision.pk)
    assert f"Decision {decision.pk} (" in faults()


def test_a_decision_that_was_moved_to_another_person_or_request_is_found(
    decisions: list[Decision], bob: User
) -> None:
    other = make_request()
    sql(f"UPDATE {TABLE} SET by_id = %s WHERE id = %s", bob.pk, decisions[0].pk)
    pending = "SELECT id FROM workflows_inputrequest WHERE status = 'pending'"
    sql(f"UPDATE {TABLE} SET request_id = ({pending}) WHERE id = %s", decisions[2].pk)
    said = faults()
    assert f"Decision {decisions[0].pk} (" in said
    assert f"Decision {decisions[2].pk} (" in said
    assert f"Request {other.pk} is pending, but decision {decisions[2].pk} answered it." in said


@pytest.mark.parametrize("moment", NO_TIME)
@pytest.mark.parametrize("sealed", [True, False])
def test_an_unreadable_decision_is_named_and_the_others_are_checked(
    alice: User, sealed: bool, moment: str
) -> None:
    broken, other = (decide(alice, make_request()).decision for _ in range(2))
    if sealed:
        seal_new()
    sql(f"UPDATE {TABLE} SET at = %s WHERE id = %s", moment, broken.pk)
    sql(f"UPDATE {TABLE} SET name = 'mallory' WHERE id = %s", other.pk)
    said = faults()
    assert f"Decision {broken.pk} " in said
    assert f"Decision {other.pk} (" in said


def test_a_superseded_answer_is_valid_and_cannot_be_made_effective_by_sql(
    alice: User, settings: Any
) -> None:
    settings.UNDO_SECONDS = 60
    request = make_request()
    first = decide(alice, request).decision
    actions.withdraw(alice, request.id, source="inbox")
    verify()
    sql(f"UPDATE {TABLE} SET superseded_at = NULL WHERE id = %s", first.pk)
    assert f"Decision {first.pk} (final of alice" in faults()


def test_a_vote_that_sql_superseded_is_found(alice: User) -> None:
    vote = decide(alice, asked_of(quorum=2)).decision
    sql(f"UPDATE {TABLE} SET superseded_at = at WHERE id = %s", vote.pk)
    assert "was made to count no more" in faults()


@pytest.mark.parametrize("answer", [YES, NO])
def test_edits_are_valid_after_their_approval_was_withdrawn(
    alice: User, bob: User, answer: dict[str, Any]
) -> None:
    request = asked_of(quorum=2, editable=["claimed"], payload={"claimed": "640.00"})
    decide(alice, request, edits={"claimed": "600.00"})
    actions.withdraw(alice, request.pk, source="inbox")
    decide(bob, request, answer)
    if answer == YES:
        decide(alice, request, answer)
    assert again(request).status == "answered"
    verify()


def test_votes_of_an_earlier_version_are_valid(alice: User, bob: User) -> None:
    request = asked_of(quorum=2, editable=["claimed"], payload={"claimed": "640.00"})
    decide(alice, request)
    decide(bob, request, edits={"claimed": "600.00"})
    decide(alice, request)
    assert [one.kind for one in Decision.objects.order_by("pk")] == ["vote", "vote", "final"]
    verify()
    decide(bob, make_request(editable=["claimed"]), {"approved": False}, edits={"claimed": "1"})
    verify()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("response", '{"approved": false}'),
        ("answered_at", "2020-01-01 00:00:00+00:00"),
        ("source", "deadline"),
        ("answered_by_id", None),
        ("edits", '{"claimed": "1"}'),
        ("prompt", "Something else?"),
        ("payload", '{"claimed": "1.00"}'),
        ("revision", 7),
    ],
)
def test_a_request_that_contradicts_its_decision_is_found(
    decisions: list[Decision], column: str, value: Any
) -> None:
    row = decisions[1].request
    sql(f"UPDATE workflows_inputrequest SET {column} = %s WHERE answered_at = "
        f"(SELECT at FROM {TABLE} WHERE id = %s)", value, decisions[1].pk)  # fmt: skip
    said = faults()
    assert f"Request {row.pk} contradicts decision {decisions[1].pk}" in said
    assert said.count("contradicts") == 1
