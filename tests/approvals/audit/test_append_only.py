"""Decisions, comments and seals name their author, and are never edited or deleted."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.db.models import ProtectedError

from approvals import actions
from approvals.audit.seals import seal_new
from approvals.models import Comment, Decision, DecisionSeal
from tests.approvals.audit.verification import verify
from tests.support.clients import desk_of
from tests.support.factories import make_request
from tests.support.people import decide, soon
from workflows.models import InputRequest, JournalEntry, database_now
from workflows.models.append_only import RecordIsFinal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


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
