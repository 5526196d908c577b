"""`manage.py verify_decisions` finds decisions that were changed by SQL, and names them."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from io import StringIO
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import ProtectedError

from approvals import actions
from approvals.audit.seals import Sealer, seal_new
from approvals.models import Comment, Decision, DecisionSeal
from tests.support.answers import YES
from tests.support.clients import desk_of
from tests.support.factories import make_request
from tests.support.people import NO, again, asked_of, decide, soon
from workflows.models import InputRequest, JournalEntry, database_now
from workflows.models.append_only import RecordIsFinal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

TABLE = "approvals_decision"
COLUMNS = [field.attname for field in Decision._meta.concrete_fields if field.attname != "id"]


def sql(statement: str, *params: Any) -> None:
    """Run SQL, as somebody with access to the database can."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def verify(*options: str) -> str:
    """Return the output of the command for unchanged decisions."""
    out = StringIO()
    call_command("verify_decisions", *options, stdout=out)
    return out.getvalue()


def faults(*options: str) -> str:
    """Return the output of the command for changed decisions."""
    out = StringIO()
    with pytest.raises(CommandError, match="wrong") as caught:
        call_command("verify_decisions", *options, stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue()


def end_of(said: str) -> str:
    """Return the end of the chain that the command printed."""
    found = re.search(r"ends at (\d+:\w{64})", said)
    assert found, said
    return found[1]


@pytest.fixture
def decisions(alice: User, bob: User) -> list[Decision]:
    """Return three sealed answers of two people."""
    made = [decide(user, make_request()).decision for user in (alice, bob, alice)]
    seal_new()
    return made


def test_decisions_of_the_application_are_valid(decisions: list[Decision]) -> None:
    said = verify()
    assert said.startswith("3 decisions. The chain ends at 3:")
    held = "Seal 3 is part of the chain, as --expect says.\n"
    assert verify("--expect", end_of(said)) == held + said


def test_an_empty_table_is_valid() -> None:
    assert verify() == "0 decisions. The chain ends at 0:\n"


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


NO_TIME = {
    "sqlite": ["yesterday", "2026-13-45 00:00:00"],
    "postgresql": ["infinity", "12026-01-01 00:00:00+00", "0100-01-01 00:00:00+00 BC"],
}[connection.vendor]


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


def test_a_decision_has_its_origin(alice: User) -> None:
    request = make_request()
    seen = request.version
    client = desk_of(alice)
    page = {"verdict": "approve", "_digest": seen}
    client.post(f"/requests/{request.id}/decide/", page, REMOTE_ADDR="192.0.2.7")
    decision = Decision.objects.get()
    assert (decision.name, decision.address, decision.seen) == ("alice", "192.0.2.7", seen)
    key = client.session.session_key
    assert len(decision.session) == 64
    assert key is not None
    assert key not in str(list(Decision.objects.values()))
    verify()


def test_a_command_records_the_account_that_called_it(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "mallory\x1b[2J")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    request = make_request()
    call_command("answer", str(request.id), "--approve", "--as", "alice", stdout=StringIO())
    account = Decision.objects.get().account
    assert f"(uid {os.getuid()}) on {socket.gethostname()}" in account
    assert account.endswith("SUDO_USER says mallory?[2J")
    assert "somebody-else" not in account


def test_the_name_at_that_time_is_kept(alice: User) -> None:
    decide(alice, make_request())
    alice.username = "alice.married"
    alice.save()
    assert Decision.objects.get().name == "alice"
    verify()


def test_who_decided_or_commented_cannot_be_deleted(alice: User, bob: User) -> None:
    decide(alice, make_request())
    actions.comment(bob, make_request().id, "Is this new?")
    for user in (alice, bob):
        with pytest.raises(ProtectedError):
            user.delete()


def _comment(alice: User) -> Any:
    return actions.comment(alice, make_request().id, "Is this new?")


def _entry(alice: User) -> Any:
    run = make_request().run
    values = {"kind": "started", "data": {}, "at": database_now()}
    return JournalEntry.objects.create(run=run, seq=1, **values)


def _decision(alice: User) -> Any:
    return decide(alice, make_request()).decision


def _seal(alice: User) -> Any:
    decide(alice, make_request())
    seal_new()
    return DecisionSeal.objects.get()


@pytest.mark.parametrize("make", [_comment, _entry, _decision, _seal])
def test_history_is_never_edited_or_deleted(make: Callable[[User], Any], alice: User) -> None:
    row = make(alice)
    rows = type(row).objects.filter(pk=row.pk)
    with pytest.raises(RecordIsFinal):
        row.save()
    with pytest.raises(RecordIsFinal):
        row.delete()
    with pytest.raises(RecordIsFinal):
        rows.update(at=soon())
    with pytest.raises(RecordIsFinal):
        rows.delete()
    with pytest.raises(RecordIsFinal), transaction.atomic():
        type(row).objects.bulk_update([row], ["at"])
    with pytest.raises(RecordIsFinal):
        type(row).objects.bulk_create(
            [row], update_conflicts=True, update_fields=["at"], unique_fields=["pk"]
        )
    assert list(type(row).objects.values_list("at", flat=True)) == [row.at]


def test_comments_protect_their_request(alice: User) -> None:
    said = _comment(alice)
    with pytest.raises(ProtectedError):
        InputRequest.objects.filter(pk=said.request_id).delete()
    assert Comment.objects.exists()


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
