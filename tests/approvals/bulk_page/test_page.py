"""The page of a batch: groups, values, errors, and what it shows after a POST."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals import actions
from approvals.bulk_page.key_facts import key_facts
from approvals.bulk_page.page import kind_of
from approvals.bulk_page.result import KEY, MAX_BYTES
from approvals.models import Decision
from tests.support.clients import field, ids, text
from tests.support.factories import TYPED, make_run
from tests.support.people import NO, YES, again, asked_of, soon
from workflows.models import InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


PAGE = "/requests/decide/"


def refund(**payload: Any) -> InputRequest:
    """Return a request whose answer has an amount and a reason."""
    return asked_of(run=make_run(TYPED), payload=payload or {"claimed": "640.00"})


def chosen(*requests: InputRequest) -> str:
    """Return the address of the batch of these requests."""
    return f"{PAGE}?{'&'.join(f'_id={one}' for one in ids(*requests))}"


def go(verdict: str, *requests: InputRequest, **fields: Any) -> dict[str, Any]:
    """Return what the page of a batch posts for the present version of these rows."""
    seen = {f"_digest.{one.id}": again(one).version for one in requests}
    kind = kind_of(requests[0])
    return {"_id": ids(*requests), "_go": f"{kind}:{verdict}"} | seen | fields


def typed(request: InputRequest, amount: str, reason: str = "in policy") -> dict[str, str]:
    return {f"r.{request.id}.amount": amount, f"r.{request.id}.reason": reason}


# The page


def test_opening_the_page_of_a_batch_changes_nothing(desk: Client) -> None:
    rows = [asked_of(prompt="Publish the first?"), asked_of(prompt="Publish the second?")]
    page = desk.get(chosen(*rows))
    assert page.status_code == 200
    assert "Decide 2 selected requests" in text(page)
    for row in rows:
        assert field(page, f"_digest.{row.id}") == row.version
    desk.get(f"{chosen(*rows)}&_go={kind_of(rows[0])}:approve")
    assert all(again(row).is_pending for row in rows)


def test_many_are_decided_together_with_an_outcome_for_each(
    desk: Client, alice: User, bob: User
) -> None:
    good, taken, hidden = asked_of(), asked_of(prompt="Taken?"), asked_of(bob)
    address = chosen(good, taken, hidden)
    fields = go("approve", good, taken) | {f"g.{kind_of(good)}.comment": "All fine."}
    fields["_id"].append(str(hidden.id))
    actions.decide(bob, taken.id, NO, source="inbox")
    done = desk.post(address, fields, follow=True)
    assert "Approved by you: All fine." in text(done)
    assert "Rejected by bob" in text(done)
    assert "was already answered by bob" in text(done), "her own answer was refused"
    assert (again(good).response, again(hidden).status) == (
        {"approved": True, "comment": "All fine."}, "pending",
    )  # fmt: skip


def test_after_the_last_row_the_browser_is_redirected_to_the_batch(desk: Client) -> None:
    rows = [asked_of(), asked_of()]
    done = desk.post(chosen(*rows), go("reject", *rows))
    assert (done.status_code, done["Location"]) == (303, chosen(*rows))
    assert text(desk.get(done["Location"])).count("Rejected by you") == 2


def test_each_row_has_values_of_its_own(desk: Client) -> None:
    rows = [refund(claimed=f"{n}00.00", person=name) for n, name in enumerate(("Ada", "Bo", "Cy"))]
    page = desk.get(chosen(*rows))
    assert [page.content.decode().count(f'name="r.{row.id}.amount"') for row in rows] == [1, 1, 1]
    for words in ("Claimed", "Person", "Ada", "Bo", "Cy", "Pay it?"):
        assert words in text(page)
    fields = go("approve", *rows)
    for row, amount in zip(rows, ("10", "20.50", "30"), strict=True):
        fields |= typed(row, amount)
    assert desk.post(chosen(*rows), fields).status_code == 303
    said = [again(row).response["amount"] for row in rows]
    assert said == ["10", "20.50", "30"]


def test_a_deselected_row_is_not_decided_and_keeps_its_values(desk: Client) -> None:
    out, kept = refund(), refund()
    fields = go("approve", kept) | typed(out, "77") | typed(kept, "5")
    page = desk.post(chosen(out, kept), fields, follow=True)
    assert (again(out).status, again(kept).status) == ("pending", "answered")
    assert field(page, f"r.{out.id}.amount") == "77"


def test_an_error_is_shown_at_its_row_and_nothing_was_decided(desk: Client) -> None:
    good, bad = refund(), refund()
    fields = go("approve", good, bad) | typed(good, "5") | typed(bad, "-1")
    page = desk.post(chosen(good, bad), fields, follow=True)
    assert "Not sent yet" in text(page)
    assert field(page, f"r.{bad.id}.amount") == "-1"
    assert field(page, f"r.{good.id}.amount") == "5"
    first, second = page.content.decode().split(f'data-item="{bad.id}"')
    assert 'class="error"' in second
    assert 'class="error"' not in first
    assert again(good).is_pending
    assert again(bad).is_pending


def test_a_row_that_changed_since_it_was_shown_shows_this_and_is_not_decided(
    desk: Client, bob: User
) -> None:
    same, changed = asked_of(), asked_of(quorum=2, editable=["claimed"])
    fields = go("approve", same, changed)
    actions.decide(bob, changed.id, YES, source="inbox", edits={"claimed": "1.00"})
    page = desk.post(chosen(same, changed), fields, follow=True)
    assert "was changed since you read it" in text(page)
    assert again(same).status == "answered"
    assert not Decision.objects.filter(request=changed, by__username="alice").exists()
    pattern = rf'<input type="checkbox"\s+name="_id"\s+value="{changed.id}"[^>]*>'
    box = re.search(pattern, page.content.decode())
    assert box
    assert "checked" not in box[0], "a version that was not seen is not selected"


def test_a_row_without_a_digest_was_not_shown_and_is_not_decided(desk: Client) -> None:
    row = asked_of()
    fields = {"_id": ids(row), "_go": f"{kind_of(row)}:approve"}
    assert "was changed since you read it" in text(desk.post(chosen(row), fields, follow=True))
    assert again(row).is_pending


def test_requests_of_different_kinds_are_offered_in_groups(desk: Client) -> None:
    bare, paid = asked_of(prompt="Publish it, please?"), refund()
    page = desk.get(chosen(bare, paid))
    assert "There are 2 kinds of requests" in text(page)
    assert page.content.decode().count("data-group=") == 2
    fields = go("approve", bare) | typed(paid, "12")
    fields["_id"].append(str(paid.id))  # is selected, but in the other group
    page = desk.post(chosen(bare, paid), fields, follow=True)
    assert again(bare).status == "answered"
    assert again(paid).is_pending
    assert field(page, f"r.{paid.id}.amount") == "12", "the typed value is kept"
    fields = go("approve", paid) | typed(paid, "12")
    assert desk.post(chosen(bare, paid), fields).status_code == 303
    assert again(paid).response["amount"] == "12"


def test_a_row_that_cannot_be_decided_shows_the_reason_and_has_no_checkbox(
    desk: Client, alice: User, bob: User
) -> None:
    claimed = asked_of(claimed_by=bob, claimed_until=soon(hours=1))
    own = asked_of(run=make_run(started_by=alice), four_eyes=True)
    voted = asked_of(quorum=2)
    actions.decide(alice, voted.id, YES, source="inbox")
    page = desk.get(chosen(claimed, own, voted))
    assert "claimed by bob" in text(page)
    assert "second person" in text(page)
    assert "1 of 2 approvals You approved it" in text(page)
    assert 'type="checkbox"' not in page.content.decode()


def test_a_batch_that_cannot_be_read_changes_nothing(desk: Client) -> None:
    row = asked_of()
    none = desk.post(chosen(row), {"_go": f"{kind_of(row)}:approve"}, follow=True)
    assert "Select at least one" in text(none)
    unread = go("approve", row) | {"_go": "nonsense:approve"}
    assert "Choose one of the buttons" in text(desk.post(chosen(row), unread, follow=True))
    mixed = go("reply", row) | {f"g.{kind_of(row)}.comment": "Words"}
    reported = desk.post(chosen(row), mixed, follow=True)
    assert "Not sent yet" in text(reported)
    assert "Words" in text(reported)
    assert "No requests selected" in text(desk.get(PAGE))
    many = f"{PAGE}?{'&'.join(f'_id={n}' for n in range(101))}"
    assert desk.get(many).status_code == 413
    assert again(row).is_pending


# After a POST the browser is redirected to the page, so that Back shows it, too


def test_every_post_of_a_batch_leads_to_its_address(desk: Client, bob: User) -> None:
    bare, taken, paid = asked_of(), asked_of(), refund()
    address = chosen(bare, taken, paid)
    actions.decide(bob, taken.id, NO, source="inbox")
    wrong = go("approve", paid) | typed(paid, "-1")
    for fields in (wrong, {}, {"_go": wrong["_go"]}, go("approve", bare, taken)):
        done = desk.post(address, fields)
        assert (done.status_code, done["Location"]) == (303, address)
    for _ in range(2):
        page = text(desk.get(address))
        assert "1 decided." in page
        assert "was already answered by bob" in page


def test_the_error_of_a_row_is_removed_when_the_row_changes(desk: Client, bob: User) -> None:
    good, held = asked_of(), asked_of(claimed_by=bob, claimed_until=soon(hours=1))
    desk.post(chosen(good, held), go("approve", good, held))
    assert "claimed by bob" in text(desk.get(chosen(good, held)))
    InputRequest.objects.filter(pk=held.pk).update(claimed_by=None, claimed_until=None)
    assert "claimed by bob" in text(desk.get(chosen(good, held))), "this was true when she answered"
    desk.post(f"/requests/{held.id}/decide/", {"verdict": "reject", "_digest": held.version})
    page = text(desk.get(chosen(good, held)))
    assert "Rejected by you" in page
    assert "claimed by bob" not in page
    assert "1 decided." in page


def test_values_typed_into_other_batches_are_kept(desk: Client) -> None:
    batches = [(refund(), refund()) for _ in range(5)]
    for n, rows in enumerate(batches):
        desk.post(
            chosen(*rows), go("approve", *rows) | typed(rows[0], f"{n}7") | typed(rows[1], "x")
        )
    for n, rows in list(enumerate(batches))[1:]:
        page = desk.get(chosen(*rows))
        assert field(page, f"r.{rows[0].id}.amount") == f"{n}7"
        assert "Not sent yet" in text(page)
    assert "Not sent yet" not in text(desk.get(chosen(*batches[0]))), "four are kept"


def test_values_typed_into_a_batch_are_not_shown_to_other_people(desk: Client, bob: User) -> None:
    rows = [refund(), refund()]
    desk.post(chosen(*rows), go("approve", *rows) | typed(rows[0], "47.11") | typed(rows[1], "x"))
    assert "47.11" in desk.get(chosen(*rows)).content.decode()
    stored = dict(desk.session.items())
    desk.force_login(bob)
    session = desk.session
    session[KEY] = stored[KEY]
    session.save()
    assert "47.11" not in desk.get(chosen(*rows)).content.decode()


def test_a_batch_that_is_too_large_for_the_session_is_rendered_without_a_redirect(
    desk: Client, bob: User
) -> None:
    good, gone, paid = asked_of(), asked_of(), refund()
    actions.decide(bob, gone.id, NO, source="inbox")
    fields = go("approve", good, gone) | typed(paid, "5", reason="x" * MAX_BYTES)
    page = desk.post(chosen(good, gone, paid), fields)
    assert page.status_code == 200
    assert again(good).status == "answered"
    assert "1 decided." in text(page)
    assert field(page, f"r.{paid.id}.amount") == "5"
    assert "was already answered by bob" in text(page)
    assert KEY not in desk.session or desk.session[KEY] == []


def test_a_row_shows_the_values_that_differ_between_rows() -> None:
    rows = [
        {"kind": "refund", "list": [1], "a": 1, "b": "x", "c": True, "d": None, "e": n, "f": n}
        for n in range(2)
    ]
    facts = key_facts([*rows, ["no", "keys"]])
    assert facts[1] == [("Kind", "refund"), ("A", "1"), ("E", "1"), ("F", "1")]
    assert facts[2] == [("Kind", ""), ("A", ""), ("E", ""), ("F", "")]
    assert key_facts([{"text": "x" * 200}])[0][0][1].endswith("…")
