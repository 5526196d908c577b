"""Several people approve with different values: each sees the answers before."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.approvals.request_page.test_truth import section
from tests.support.clients import desk_of, field, text, url
from tests.support.factories import TYPED, make_reviewer, make_run
from tests.support.people import again, asked_of, decide
from workflows.models import InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

MARK = "values differ from the answer"


def values(amount: str, **more: Any) -> dict[str, Any]:
    return {"approved": True, "amount": amount, "reason": "in policy", **more}


def asked(quorum: int = 2) -> InputRequest:
    return asked_of(run=make_run(TYPED), quorum=quorum)


def test_the_second_person_sees_the_first_answer_and_starts_from_it(alice: User, bob: User) -> None:
    request = asked()
    before = desk_of(bob).get(url(request))
    assert field(before, "amount") != "321.75"
    decide(alice, request, values("321.75", note="As agreed."))
    page = desk_of(bob).get(url(request))
    votes = text(page).partition("1 of 2 approvals")[2].partition("</section>")[0]
    for words in ("alice", "Amount", "321.75", "Reason", "in policy", "As agreed."):
        assert words in votes, words
    assert field(page, "amount") == "321.75"
    assert "The run gets the values of the approval that completes the quorum." in text(page)


def test_the_latest_effective_answer_fills_in_the_form(alice: User, bob: User) -> None:
    carol = make_reviewer("carol")
    request = asked(quorum=3)
    decide(alice, request, values("1.00"))
    decide(bob, request, values("2.00"))
    assert field(desk_of(carol).get(url(request)), "amount") == "2.00"
    bob.is_active = False
    bob.save()
    assert field(desk_of(carol).get(url(request)), "amount") == "1.00"


def test_a_last_answer_that_differs_is_recorded_and_shown(alice: User, bob: User) -> None:
    request = asked()
    decide(alice, request, values("1.00"))
    decide(bob, request, values("2.00"))
    assert again(request).response["amount"] == "2.00"
    page = text(desk_of(alice).get(url(request)))
    assert MARK in page
    assert "1.00" in page
    assert "2.00" in page


def test_the_run_page_shows_the_values_of_each_decision(alice: User, bob: User) -> None:
    request = asked()
    decide(alice, request, values("1.00"))
    decide(bob, request, values("2.00"))
    alice.is_superuser = True
    alice.save()
    decisions = section(alice, request.run, "decisions")
    assert "Amount 1.00" in decisions
    assert "Amount 2.00" in decisions


def test_a_last_answer_that_is_the_same_is_not_marked(alice: User, bob: User) -> None:
    request = asked()
    decide(alice, request, values("1.00"))
    decide(bob, request, values("1.00", approved=True))
    assert MARK not in text(desk_of(alice).get(url(request)))


def test_a_refused_form_keeps_what_was_typed(alice: User, bob: User) -> None:
    request = asked()
    decide(alice, request, values("1.00"))
    page = desk_of(bob).post(
        url(request, "decide/"), {"approved": "true", "amount": "none", "reason": "in policy"}
    )
    assert page.status_code == 422
    assert field(page, "amount") == "none"
