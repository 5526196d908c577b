"""Four eyes: who has to approve which version, and who may choose the approvers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User

from approvals import actions
from approvals.errors import (
    AlreadyVoted,
    ClaimedByOther,
    Invalid,
    NotPermitted,
    NotVisible,
    SecondPersonNeeded,
)
from approvals.models import Decision
from tests.support.clients import desk_of, text, url
from tests.support.factories import make_reviewer, make_run
from tests.support.people import NO, YES, again, asked_of, decide, make_operator, soon
from workflows.models import Delivery, InputRequest
from workflows.models.requests.digest import digest_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

EDIT = {"claimed": "600.00"}


@pytest.fixture
def carol() -> User:
    return make_reviewer("carol")


@pytest.fixture
def author() -> User:
    return make_reviewer("author")


def asked(author: User, **columns: Any) -> InputRequest:
    """Return a request with four eyes and an editable payload, in a run of this author."""
    columns = {"four_eyes": True, "editable": ["claimed"]} | columns
    return asked_of(run=make_run(started_by=author), **columns)


def effective(request: InputRequest) -> list[tuple[str, str]]:
    rows = Decision.objects.effective().filter(request=request).order_by("pk")
    return list(rows.values_list("by__username", "kind"))


# Who has to approve which version: the table in the docs


@pytest.mark.parametrize(
    ("four_eyes", "quorum", "acts", "ends"),
    [
        (False, 1, ["author edits"], True),
        (False, 1, ["author"], True),
        (False, 2, ["author", "alice"], True),
        (False, 2, ["author", "alice edits"], False),
        (False, 2, ["author", "alice edits", "author"], True),
        (True, 1, ["alice"], True),
        (True, 1, ["author!"], False),
        (True, 1, ["alice edits"], False),
        (True, 1, ["alice edits", "alice!"], False),
        (True, 1, ["alice edits", "author!"], False),
        (True, 1, ["alice edits", "bob"], True),
        (True, 1, ["alice edits", "bob edits"], False),
        (True, 1, ["alice edits", "bob edits", "alice"], True),
        (True, 1, ["alice edits", "bob rejects"], True),
        (True, 2, ["alice", "bob"], True),
        (True, 2, ["alice", "author!"], False),
        (True, 2, ["alice edits", "bob"], True),
        (True, 2, ["alice", "bob edits"], False),
        (True, 2, ["alice", "bob edits", "carol"], True),
        (True, 3, ["alice edits", "bob"], False),
    ],
)
def test_a_version_needs_its_number_of_approvals(
    four_eyes: bool, quorum: int, acts: list[str], ends: bool, author: User, alice: User,
    bob: User, carol: User,
) -> None:  # fmt: skip
    people = {"author": author, "alice": alice, "bob": bob, "carol": carol}
    request = asked(author, four_eyes=four_eyes, quorum=quorum)
    for number, act in enumerate(acts):
        name, _, what = act.partition(" ")
        said = NO if what == "rejects" else {"approved": True, "comment": str(number)}
        edits = {"claimed": f"{number}.00"} if what == "edits" else None
        if name.endswith("!"):
            with pytest.raises((SecondPersonNeeded, AlreadyVoted)):
                decide(people[name[:-1]], request, said)
        else:
            decide(people[name], request, said, edits=edits)
    assert (again(request).status == "answered") is ends
    assert Delivery.objects.count() == ends


def test_the_edited_version_that_two_people_approved_is_delivered(
    author: User, alice: User, bob: User
) -> None:
    request = asked(author)
    outcome = decide(alice, request, edits=EDIT)
    assert (outcome.waits, outcome.votes, outcome.quorum) == (True, 1, 2)
    assert (again(request).quorum, again(request).revision) == (2, 2)
    decide(bob, request, digest=again(request).digest)
    assert Delivery.objects.get().data["edits"] == EDIT
    assert effective(request) == [("alice", "vote"), ("bob", "final")]


def test_with_four_eyes_a_reply_needs_the_same_approvals(
    author: User, alice: User, bob: User
) -> None:
    request = asked(author)
    with pytest.raises(Invalid, match="only an approval may edit"):
        decide(alice, request, "Paid less.", edits=EDIT)
    assert again(request).edits == {}
    decide(alice, request, edits=EDIT)
    decide(bob, request, "Ask again.")
    assert "edits" not in Delivery.objects.get().data


@pytest.mark.parametrize(
    ("first", "second"), [(600, 600.0), ([1], [True]), ({"a": 0}, {"a": False})]
)
def test_an_edit_that_only_python_treats_as_equal_is_a_new_version(
    author: User, alice: User, bob: User, first: Any, second: Any
) -> None:
    request = asked(author, payload={"claimed": None})
    decide(alice, request, edits={"claimed": first})
    assert decide(bob, request, edits={"claimed": second}).waits
    row = again(request)
    assert (row.revision, row.digest) == (3, digest_of(row))
    decide(alice, request)
    assert repr(Delivery.objects.get().data["edits"]["claimed"]) == repr(second)


def test_the_page_shows_that_an_edit_needs_a_second_approval(
    author: User, alice: User, bob: User
) -> None:
    request = asked(author)
    sent = {"verdict": "approve", "_edit.claimed": "600.00"}
    page = text(desk_of(alice).post(url(request, "decide/"), sent, follow=True))
    assert "A second person must approve the edited version. It has 1 of 2" in page
    page = text(desk_of(bob).get(url(request)))
    assert "1 of 2 approvals" in page
    assert "Your edits were" not in page


def test_an_edited_version_still_needs_two_people_after_a_withdrawal(
    author: User, alice: User, bob: User, carol: User
) -> None:
    request = asked(author)
    decide(alice, request, edits=EDIT)
    actions.withdraw(alice, request.id, source="inbox")
    assert decide(bob, request).waits
    decide(carol, request)
    assert again(request).status == "answered"


# Approvals count only if the person may still decide


def _deactivate(user: User, group: Group) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _take_permission(user: User, group: Group) -> None:
    user.user_permissions.remove(Permission.objects.get(codename="add_decision"))


def _leave_group(user: User, group: Group) -> None:
    user.groups.remove(group)


@pytest.mark.parametrize("change", [_deactivate, _take_permission, _leave_group])
def test_an_approval_of_somebody_who_may_no_longer_decide_does_not_count(
    change: Any, alice: User, bob: User, carol: User
) -> None:
    group = Group.objects.create(name="finance")
    group.user_set.add(alice, bob, carol)
    request = asked_of(group, quorum=2)
    decide(alice, request)
    change(alice, group)
    page = text(desk_of(bob).get(url(request)))
    assert "0 of 2 approvals alice approved" in page
    assert "no longer counts" in page
    outcome = decide(bob, request)
    assert (outcome.waits, outcome.votes) == (True, 1)
    assert (again(request).votes, effective(request)) == (1, [("bob", "vote")])
    page = text(desk_of(carol).get(url(request)))
    assert "1 of 2 approvals" in page
    assert page.count("no longer counts") == 1
    decide(carol, request)
    assert again(request).status == "answered"


def test_a_person_who_may_decide_again_has_to_approve_again(
    alice: User, bob: User, carol: User
) -> None:
    group = Group.objects.create(name="finance")
    group.user_set.add(alice, bob, carol)
    request = asked_of(group, quorum=2)
    decide(alice, request)
    alice.groups.remove(group)
    decide(bob, request)
    alice.groups.add(group)
    decide(alice, request, {"approved": True, "comment": "Once more."})
    assert again(request).status == "answered"
    assert effective(request) == [("bob", "vote"), ("alice", "final")]


def test_an_approval_counts_if_the_permission_is_back_before_the_next_approval(
    alice: User, bob: User
) -> None:
    request = asked_of(quorum=2)
    decide(alice, request)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    User.objects.filter(pk=alice.pk).update(is_active=True)
    decide(bob, request)
    assert again(request).status == "answered"


def test_all_earlier_approvals_are_checked_again(author: User, alice: User, bob: User) -> None:
    others = [make_reviewer(f"other{number}") for number in range(3)]
    request = asked(author, quorum=4)
    for one in others:
        decide(one, request)
    User.objects.filter(pk__in=[one.pk for one in others[:2]]).update(is_active=False)
    assert decide(alice, request).votes == 2
    assert decide(bob, request).waits
    root = User.objects.create_superuser("root")
    assert not decide(root, request).waits


# Claims


@pytest.mark.parametrize("change", [_deactivate, _take_permission, _leave_group])
def test_a_claim_of_somebody_who_may_no_longer_decide_blocks_nobody(
    change: Any, alice: User, bob: User, carol: User
) -> None:
    group = Group.objects.create(name="finance")
    group.user_set.add(alice, bob, carol)
    answered, claimed = asked_of(group), asked_of(group)
    for request in (answered, claimed):
        actions.claim(alice, request.id)
        with pytest.raises(ClaimedByOther):
            decide(bob, request)
    change(alice, group)
    assert "has this in hand" not in text(desk_of(bob).get(url(answered)))
    assert again(answered).claimed_by == alice  # a page changes nothing
    decide(bob, answered)
    assert actions.claim(carol, claimed.id).claimed_by == carol
    with pytest.raises(ClaimedByOther, match="claimed by carol"):
        decide(bob, claimed)


# Who chooses the approvers


def test_the_person_who_started_a_run_cannot_choose_its_approvers(alice: User) -> None:
    olga = make_operator("olga")
    request = asked(olga)
    for to in (["alice"], []):
        with pytest.raises(SecondPersonNeeded, match="somebody else has to reassign"):
            actions.reassign(olga, request.id, to=to)
    root = User.objects.create_superuser("root")
    with pytest.raises(SecondPersonNeeded):
        actions.reassign(root, asked(root).id, to=["alice"])
    with pytest.raises(NotPermitted):
        actions.claim(olga, request.id)
    assert "Reassign" not in text(desk_of(olga).get(url(request)))
    actions.reassign(make_operator("other"), request.id, to=["alice"])
    actions.reassign(olga, asked(olga, four_eyes=False).id, to=["alice"])


def test_a_request_for_a_group_stays_with_its_members(alice: User, bob: User, carol: User) -> None:
    olga = make_operator("olga")
    finance, board = Group.objects.create(name="finance"), Group.objects.create(name="board")
    finance.user_set.add(alice, bob)
    request = asked_of(finance)
    for to in (["carol"], ["alice", "carol"], ["olga"], ["group:board"], []):
        with pytest.raises(Invalid, match="cannot be reassigned|addressed to a group"):
            actions.reassign(olga, request.id, to=to)
    actions.reassign(olga, request.id, to=["alice"])
    with pytest.raises(Invalid, match="cannot be reassigned to 'carol'"):
        actions.reassign(alice, request.id, to=["carol"])  # nor indirectly
    actions.reassign(alice, request.id, to=["bob"])
    with pytest.raises(NotVisible):
        actions.find(alice, request.id)
    actions.reassign(bob, request.id, to=["group:finance"])
    assert actions.find(alice, request.id) == request
    assert not board.user_set.exists()


def test_a_group_that_a_request_was_escalated_to_may_have_it_too(alice: User, bob: User) -> None:
    olga = make_operator("olga")
    finance, board = Group.objects.create(name="finance"), Group.objects.create(name="board")
    finance.user_set.add(alice)
    board.user_set.add(bob)
    request = asked_of(
        finance, asked_of=[f"group:{finance.pk}"], escalate_to=["group:board"],
        escalate_at=soon(seconds=-1), next_notification_at=soon(seconds=-1),
    )  # fmt: skip
    again(request).remind_or_escalate(soon())
    actions.reassign(olga, request.id, to=["bob"])
    assert actions.find(bob, request.id) == request


def test_a_renamed_account_is_the_same_person(author: User, alice: User) -> None:
    request = asked(author)
    author.username = "somebody-else"
    author.save()
    with pytest.raises(SecondPersonNeeded):
        decide(author, request)
    request = asked_of(quorum=2)
    decide(alice, request)
    alice.username = "other"
    alice.save()
    with pytest.raises(AlreadyVoted):
        decide(alice, request, {"approved": True, "comment": "Again."})


def test_every_source_of_answers_checks_four_eyes(author: User, alice: User) -> None:
    request = asked(author)
    answers = {str(request.id): actions.Answer(YES, request.version)}
    [item] = actions.decide_many(author, answers, source="inbox")
    assert isinstance(item.refusal, SecondPersonNeeded)
    assert desk_of(author).post(url(request, "decide/"), {"verdict": "approve"}).status_code == 403
    root = User.objects.create_superuser("root")
    with pytest.raises(SecondPersonNeeded):
        decide(root, asked(root))
    assert again(request).is_pending
