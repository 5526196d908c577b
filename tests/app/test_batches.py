"""Many requests decided together: at the door, and on the page of a batch."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals import door
from approvals.errors import (
    MixedBatch,
    NotVisible,
    TooMany,
)
from tests.app.company import NO, YES, again, asked_of, soon
from tests.app.desk import field, ids, text
from tests.app.factories import TYPED, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


# The door


def test_a_batch_has_an_outcome_for_each(alice: User, bob: User) -> None:
    run = make_run(started_by=alice)
    rows = [
        asked_of(), asked_of(bob), asked_of(run=run, four_eyes=True),
        asked_of(claimed_by=bob, claimed_until=soon(hours=1)), asked_of(quorum=2), asked_of(),
    ]  # fmt: skip
    ids = [row.id for row in rows]
    items = door.decide_many(
        alice, [*ids, ids[0]], YES, door="inbox", digests={str(ids[5]): "of another version"}
    )
    refused = [type(item.refusal).__name__ if item.refusal else None for item in items]
    assert refused == [
        None, "NotVisible", "SecondPersonNeeded", "ClaimedByOther", None, "Superseded"
    ]  # fmt: skip
    assert items[4].outcome is not None
    assert items[4].outcome.waits
    statuses = [again(row).status for row in rows]
    assert statuses == ["answered", *["pending"] * 5]


def test_a_batch_is_of_one_kind_and_not_too_large(alice: User) -> None:
    mixed = [asked_of().id, asked_of(run=make_run(TYPED)).id]
    with pytest.raises(MixedBatch):
        door.decide_many(alice, mixed, YES, door="inbox")
    with pytest.raises(TooMany):
        door.decide_many(alice, [str(n) for n in range(101)], YES, door="inbox")
    [item] = door.decide_many(alice, ["no-id"], YES, door="inbox")
    assert isinstance(item.refusal, NotVisible)


# The page


def test_many_are_decided_together_with_an_outcome_for_each(
    desk: Client, alice: User, bob: User
) -> None:
    good, taken, hidden = asked_of(), asked_of(prompt="Taken?"), asked_of(bob)
    chosen = [str(one.id) for one in (good, taken, hidden)]
    page = desk.post("/requests/decide/", {"_id": chosen})
    assert "Decide 3 requests together" in text(page)
    assert "Publish it?" in text(page)
    door.decide(bob, taken.id, NO, door="inbox")
    fields = {"_id": chosen, "_go": "1", "verdict": "approve", "comment": "All fine."}
    fields[f"_digest.{good.id}"] = field(page, f"_digest.{good.id}")
    done = desk.post("/requests/decide/", fields)
    assert "1 of 3 taken" in text(done)
    assert "already answered by bob" in text(done)
    assert (again(good).response, again(hidden).status) == (
        {"approved": True, "comment": "All fine."}, "pending",
    )  # fmt: skip


def test_a_batch_that_cannot_be_decided_changes_nothing(desk: Client, alice: User) -> None:
    bare, typed = asked_of(), asked_of(run=make_run(TYPED))
    mixed = desk.post("/requests/decide/", {"_id": ids(bare, typed), "_go": "1"})
    assert mixed.status_code == 422
    assert "do not take the same answer" in text(mixed)
    unread = desk.post("/requests/decide/", {"_id": ids(bare), "_go": "1"})
    assert unread.status_code == 422
    assert "Choose one of the buttons" in text(unread)
    wrong = desk.post("/requests/decide/", {"_id": ids(typed), "_go": "1", "amount": "-1"})
    assert wrong.status_code == 422
    assert again(typed).is_pending
    assert "Nothing was chosen" in text(desk.post("/requests/decide/", {}))
    assert desk.get("/requests/decide/").status_code == 405
