"""`manage.py verify_decisions` checks the chain of seals, and reports what it cannot read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.db import connection

from approvals import actions
from approvals.audit.seals import Sealer
from approvals.models import Decision, DecisionSeal
from tests.approvals.audit.verification import NO_TIME, TABLE, faults, sql, verify
from tests.support.answers import YES
from tests.support.factories import make_request
from tests.support.people import decide, soon
from workflows.models import database_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


def end_of(said: str) -> str:
    """Return the end of the chain that the command printed."""
    found = re.search(r"ends at (\d+:\w{64})", said)
    assert found, said
    return found[1]


def test_decisions_of_the_application_are_valid(decisions: list[Decision]) -> None:
    said = verify()
    assert said.startswith("3 decisions. The chain ends at 3:")
    held = "Seal 3 is part of the chain, as --expect says.\n"
    assert verify("--expect", end_of(said)) == held + said


def test_an_empty_table_is_valid() -> None:
    assert verify() == "0 decisions. The chain ends at 0:\n"


@pytest.mark.parametrize("moment", NO_TIME)
def test_a_seal_or_a_request_that_cannot_be_read_is_named(
    decisions: list[Decision], moment: str
) -> None:
    request = decisions[0].request_id
    sql("UPDATE approvals_decisionseal SET at = %s WHERE number = 2", moment)
    column = "UPDATE workflows_inputrequest SET answered_at = %s WHERE answered_by_id = %s"
    sql(column, moment, decisions[1].by_id)
    said = faults()
    assert "Seal 2 was changed" in said
    assert "Seal 3" not in said
    assert f"Request {decisions[1].request_id} " in said
    assert f"Request {request} " not in said


def _add_a_seal_after_the_end() -> None:
    columns = "number, kind, decision, content, at, note, signature"
    copied = "4, kind, decision + 1000, content, at, note, signature"
    table = "approvals_decisionseal"
    sql(f"INSERT INTO {table} ({columns}) SELECT {copied} FROM {table} WHERE number = 3")


def _delete_the_end() -> None:
    sql("DELETE FROM approvals_decisionchain")


def _set_the_end_back() -> None:
    first = DecisionSeal.objects.get(pk=1).signature
    sql("UPDATE approvals_decisionchain SET number = 1, signature = %s", first)


@pytest.mark.parametrize("tamper", [_add_a_seal_after_the_end, _delete_the_end, _set_the_end_back])
def test_a_chain_to_which_no_seal_can_be_added_is_reported(
    decisions: list[Decision], tamper: Callable[[], None]
) -> None:
    decide(decisions[0].by, make_request())  # not yet sealed
    tamper()
    said = faults()
    assert "New decisions could not be sealed" in said
    assert "The chain was made to end at seal" in said


@pytest.mark.parametrize(
    ("number", "reported"),
    [(1, "Seal 1 was removed."), (2, "Seal 2 was removed."), (3, "made to end at seal 2")],
)
def test_a_removed_seal_is_found(decisions: list[Decision], number: int, reported: str) -> None:
    sql("DELETE FROM approvals_decisionseal WHERE number = %s", number)
    sql(f"DELETE FROM {TABLE} WHERE id = %s", decisions[number - 1].pk)
    assert reported in faults()


def test_a_chain_that_was_cut_at_its_end_is_found_by_the_noted_end(
    decisions: list[Decision],
) -> None:
    kept = end_of(verify())
    last = decisions[2]
    shorter = DecisionSeal.objects.get(pk=2)
    sql("DELETE FROM approvals_decisionseal WHERE number = 3")
    sql(f"DELETE FROM {TABLE} WHERE id = %s", last.pk)
    sql("UPDATE workflows_inputrequest SET status = 'cancelled', answered_at = NULL, "
        "answered_by_id = NULL, source = '' WHERE answered_by_id IS NOT NULL AND NOT EXISTS "
        f"(SELECT 1 FROM {TABLE} d WHERE d.request_id = workflows_inputrequest.id)")  # fmt: skip
    sql("UPDATE approvals_decisionchain SET number = 2, signature = %s", shorter.signature)
    verify()
    assert "was cut or made anew" in faults("--expect", kept)


def test_a_worker_seals_new_decisions_at_intervals(alice: User) -> None:
    sealer, now = Sealer(), database_now()
    sealer(now)
    decide(alice, make_request())
    sealer(now)
    assert not DecisionSeal.objects.exists()
    sealer(soon(seconds=11))
    assert DecisionSeal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_decisions_that_change_during_the_verification_are_valid(
    alice: User, settings: Any
) -> None:
    settings.UNDO_SECONDS = 60
    requests = [make_request() for _ in range(15)]

    def work() -> None:
        for request in requests:
            decide(alice, request)
            actions.withdraw(alice, request.id, source="inbox")
        connection.close()

    worker = Thread(target=work)
    worker.start()
    while worker.is_alive():
        verify()
    worker.join()
    assert "30 decisions" in verify()


def test_decisions_of_another_key_are_valid_only_if_it_is_added(alice: User, settings: Any) -> None:
    decide(alice, make_request())
    verify()
    settings.DECISION_KEYS = ["new"]
    assert "DECISION_KEYS" in faults()
    settings.DECISION_KEYS = ["new", settings.SECRET_KEY]
    decide(alice, make_request())
    assert "2 decisions" in verify()
    settings.SECRET_KEY = "something else"
    verify()


def test_an_operator_accepts_decisions_of_older_code(alice: User) -> None:
    decision = decide(alice, make_request(), YES).decision
    sql(f"UPDATE {TABLE} SET signature = '', name = '', seen = '' WHERE id = %s", decision.pk)
    assert "has no signature" in faults()
    verify("--accept", str(decision.pk))
    assert f"uid {os.getuid()}" in DecisionSeal.objects.get(kind="accepted").note
    with pytest.raises(CommandError, match="There is no decision"):
        verify("--accept", str(decision.pk))
    sql(f"UPDATE {TABLE} SET response = '{{\"approved\": false}}' WHERE id = %s", decision.pk)
    assert f"Decision {decision.pk} (" in faults()
