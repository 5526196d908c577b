"""Only people who can decide a request can get it, and errors do not reveal who exists."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User

from approvals import actions
from approvals.eligibility.candidates import who_can_decide
from approvals.errors import Invalid
from tests.support.clients import desk_of, text, url
from tests.support.factories import make_request, make_reviewer, make_run, make_user
from tests.support.people import again, asked_of, make_operator
from workflows.models import Assignment, InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.fixture
def carol(db: None) -> User:
    return make_operator("carol")


def refusal(user: User, request: InputRequest, *names: str) -> str:
    before = list(Assignment.objects.values_list("user", "group"))
    with pytest.raises(Invalid) as caught:
        actions.reassign(user, request.id, to=names)
    assert list(Assignment.objects.values_list("user", "group")) == before
    return str(caught.value.errors[0]["msg"])


def test_the_error_is_the_same_for_an_unknown_name_and_for_one_that_may_not_decide(
    alice: User,
) -> None:
    make_user("clerk")
    make_reviewer("gone")
    User.objects.filter(username="gone").update(is_active=False)
    Group.objects.create(name="empty")
    lame = Group.objects.create(name="lame")
    lame.user_set.add(User.objects.get(username="clerk"))
    request = asked_of(alice)
    reported = {
        refusal(alice, request, name).replace(name, "X")
        for name in ("clerk", "gone", "nobody", "group:empty", "group:lame", "group:none")
    }
    assert len(reported) == 1, reported
    assert "cannot be reassigned to 'X'" in reported.pop()


def test_with_four_eyes_the_person_who_started_the_run_cannot_get_the_request(
    alice: User, bob: User
) -> None:
    request = asked_of(alice, run=make_run(started_by=bob), four_eyes=True)
    only = Group.objects.create(name="only-bob")
    bob.groups.add(only)
    assert "'bob'" in refusal(alice, request, "bob")
    assert "'group:only-bob'" in refusal(alice, request, "group:only-bob")
    assert bob not in who_can_decide(request)
    open_ = asked_of(alice, run=make_run(started_by=bob))
    actions.reassign(alice, open_.id, to=["bob"])
    assert actions.find(bob, open_.id) == open_


def test_one_wrong_name_among_right_ones_changes_nothing(alice: User, carol: User) -> None:
    make_user("clerk")
    request = asked_of(alice)
    assert "'clerk', 'nobody'" in refusal(carol, request, "carol", "clerk", "nobody")


def test_the_page_offers_people_who_can_decide_and_accepts_a_selection(
    alice: User, bob: User
) -> None:
    make_user("clerk")
    finance = Group.objects.create(name="finance, and tax")
    bob.groups.add(finance)
    Group.objects.create(name="empty")
    request = asked_of(alice)
    desk = desk_of(alice)
    page = desk.get(request.get_absolute_url()).content.decode()
    for name in ("alice", "bob", "group:finance, and tax"):
        assert re.search(rf'name="chosen"\s+value="{name}"', page), name
    assert 'value="clerk"' not in page
    assert 'value="group:empty"' not in page
    sent = {"chosen": ["bob", "group:finance, and tax"]}
    assert desk.post(url(request, "reassign/"), sent).status_code == 303
    names = sorted(one.name for one in again(request).assignments.all())
    assert names == ["bob", "group:finance, and tax"]


def test_the_page_shows_why_a_name_is_refused(alice: User) -> None:
    request = asked_of(alice)
    page = desk_of(alice).post(url(request, "reassign/"), {"to": "nobody"})
    assert page.status_code == Invalid.status
    assert "cannot be reassigned to &#x27;nobody&#x27;" in page.content.decode()


def test_a_page_lists_people_only_up_to_a_limit(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.eligibility.candidates.MAX_CANDIDATES", 2)
    for n in range(3):
        make_reviewer(f"one{n}")
    page = desk_of(alice).get(asked_of(alice).get_absolute_url())
    assert 'name="chosen"' not in page.content.decode()
    assert "separated by commas" in text(page)


def test_a_person_who_may_not_reassign_is_offered_nobody(alice: User) -> None:
    page = desk_of(alice).get(make_request().get_absolute_url())
    assert 'name="chosen"' not in page.content.decode()
