"""Several requests are decided together by the action."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from approvals import actions
from approvals.errors import NotVisible, TooMany
from tests.support.factories import make_run
from tests.support.people import YES, again, asked_of, soon

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


# The action


def test_a_batch_has_an_outcome_for_each(alice: User, bob: User) -> None:
    run = make_run(started_by=alice)
    rows = [
        asked_of(), asked_of(bob), asked_of(run=run, four_eyes=True),
        asked_of(claimed_by=bob, claimed_until=soon(hours=1)), asked_of(quorum=2), asked_of(),
        asked_of(),
    ]  # fmt: skip
    answers = {str(row.id): actions.Answer(YES, row.version) for row in rows}
    answers[str(rows[5].id)] = actions.Answer(YES, "of another version")
    answers[str(rows[6].id)] = actions.Answer(YES, "")
    items = actions.decide_many(alice, answers, source="inbox")
    refused = [type(item.refusal).__name__ if item.refusal else None for item in items]
    assert refused == [
        None, "NotVisible", "SecondPersonNeeded", "ClaimedByOther", None, "Superseded", "Superseded"
    ]  # fmt: skip
    assert items[4].outcome is not None
    assert items[4].outcome.waits
    statuses = [again(row).status for row in rows]
    assert statuses == ["answered", *["pending"] * 6]


def test_a_batch_has_a_limit_and_names_malformed_ids(alice: User) -> None:
    with pytest.raises(TooMany):
        actions.decide_many(
            alice, {str(n): actions.Answer(YES, "x") for n in range(101)}, source="inbox"
        )
    [item] = actions.decide_many(alice, {"no-id": actions.Answer(YES, "x")}, source="inbox")
    assert isinstance(item.refusal, NotVisible)
