"""`manage.py verify_decisions` finds removed, inserted, copied and exchanged decisions."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from approvals import actions
from approvals.audit.seals import seal_new
from approvals.models import Decision
from tests.approvals.audit.verification import TABLE, faults, sql, verify
from tests.support.factories import make_request
from tests.support.people import asked_of, decide

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


COLUMNS = [field.attname for field in Decision._meta.concrete_fields if field.attname != "id"]


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("answered", [True, False])
def test_a_removed_approval_is_found_by_the_count_of_its_request(
    alice: User, bob: User, sealed: bool, answered: bool
) -> None:
    request = asked_of(quorum=2)
    gone = decide(alice, request).decision
    if answered:
        decide(bob, request)
    if sealed:
        seal_new()
    assert verify()
    sql(f"DELETE FROM {TABLE} WHERE id = %s", gone.pk)
    if sealed:
        assert f"Decision {gone.pk} was removed" in faults()
    assert f"Request {request.pk} counts 1 approvals before its answer, and 0" in faults()


@pytest.mark.parametrize("votes", [0, 2])
def test_a_count_of_approvals_without_decisions_is_found(alice: User, votes: int) -> None:
    request = asked_of(quorum=3)
    decide(alice, request)
    sql("UPDATE workflows_inputrequest SET votes = %s", votes)
    assert f"Request {request.pk} counts {votes} approvals" in faults()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_removed_decision_is_found_the_newest_too(decisions: list[Decision], which: int) -> None:
    gone = decisions[which]
    sql(f"DELETE FROM {TABLE} WHERE id = %s", gone.pk)
    said = faults()
    assert f"Decision {gone.pk} was removed" in said
    assert f"Request {gone.request_id} was answered by user {gone.by_id}" in said


def test_a_removed_decision_that_was_not_sealed_is_found_by_its_request(alice: User) -> None:
    gone = decide(alice, make_request()).decision
    sql(f"DELETE FROM {TABLE} WHERE id = %s", gone.pk)
    assert "there is no such decision" in faults()


def test_all_decisions_of_a_request_removed_with_the_request_are_found(
    decisions: list[Decision],
) -> None:
    sql(f"DELETE FROM {TABLE}")
    sql("DELETE FROM workflows_inputrequest")
    said = faults()
    assert all(f"Decision {one.pk} was removed" in said for one in decisions)


def test_a_decision_inserted_by_sql_is_found_and_never_sealed(
    decisions: list[Decision],
) -> None:
    names = [name for name in COLUMNS if name != "kind"]
    listed = ", ".join(names)
    copied = f"SELECT {listed}, 'withdrawn' FROM {TABLE} WHERE id = %s"
    sql(f"INSERT INTO {TABLE} ({listed}, kind) {copied}", decisions[0].pk)
    unsigned = ", ".join("''" if name == "signature" else name for name in names)
    copied = f"SELECT {unsigned}, 'withdrawn' FROM {TABLE} WHERE id = %s"
    sql(f"INSERT INTO {TABLE} ({listed}, kind) {copied}", decisions[1].pk)
    assert seal_new() == 0
    said = faults()
    first, second = Decision.objects.filter(kind="withdrawn").order_by("pk")
    assert f"Decision {first.pk} (" in said
    assert f"Decision {second.pk} (" in said
    assert "has no signature" in said


def test_a_copy_of_a_signed_decision_is_found(alice: User) -> None:
    request = asked_of(quorum=3)
    decide(alice, request)
    withdrawn = actions.withdraw(alice, request.id, source="inbox")
    listed = ", ".join(COLUMNS)
    sql(f"INSERT INTO {TABLE} ({listed}) SELECT {listed} FROM {TABLE} WHERE id = %s", withdrawn.pk)
    seal_new()
    assert f"Decision {withdrawn.pk + 1} (" in faults()
    assert "repeats the signature" in faults()


def test_rows_that_were_exchanged_are_found(decisions: list[Decision]) -> None:
    one, other = decisions[0].pk, decisions[1].pk
    sql("UPDATE approvals_decisionseal SET decision = -1 WHERE decision = %s", one)
    sql("UPDATE approvals_decisionseal SET decision = %s WHERE decision = %s", one, other)
    sql("UPDATE approvals_decisionseal SET decision = %s WHERE decision = -1", other)
    said = faults()
    assert f"Decision {one} (" in said
    assert "was replaced by another" in said
    assert "Seal 1 was changed" in said
