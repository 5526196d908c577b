"""Claims, approvals, versions, edits: the rules of the actions for several people."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from approvals import actions
from approvals.errors import (
    AlreadyAnswered,
    AlreadyVoted,
    ClaimedByOther,
    Invalid,
    NotPermitted,
    NotVisible,
    Superseded,
)
from approvals.models import Comment, Decision, Draft
from tests.support.factories import TYPED, make_run
from tests.support.people import NO, YES, again, asked_of, decide, make_operator, soon
from workflows.models import Delivery

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.fixture
def carol() -> User:
    return make_operator("carol")


# Claims


def test_a_claim_keeps_others_from_answering_and_names_the_holder(alice: User, bob: User) -> None:
    request = asked_of()
    actions.claim(alice, request.id)
    for act in (lambda: decide(bob, request), lambda: actions.claim(bob, request.id)):
        with pytest.raises(ClaimedByOther, match="claimed by alice until") as caught:
            act()
        assert caught.value.holder == "alice"
    assert actions.claim(alice, request.id).claimed_by == alice
    decide(alice, request)
    assert (again(request).claimed_by, again(request).claimed_until) == (None, None)


def test_an_expired_claim_blocks_nobody(alice: User, bob: User) -> None:
    request = asked_of(claimed_by=alice, claimed_until=soon(seconds=-1))
    assert actions.claim(bob, request.id).claimed_by == bob
    with pytest.raises(ClaimedByOther):
        decide(alice, request)
    other = asked_of(claimed_by=alice, claimed_until=soon(seconds=-1))
    decide(bob, other)


def test_a_claim_can_be_released_by_its_holder_or_an_operator(
    alice: User, bob: User, carol: User
) -> None:
    request = asked_of(claimed_by=alice, claimed_until=soon(hours=1))
    with pytest.raises(NotPermitted, match="claimed by alice"):
        actions.release(bob, request.id)
    actions.release(alice, request.id)
    assert actions.claim(bob, request.id)
    actions.release(carol, request.id)
    actions.release(carol, request.id)
    assert again(request).claimed_by is None


def test_saving_a_draft_extends_the_claim(alice: User) -> None:
    for write in (
        lambda one: actions.save_draft(alice, one.id, {"comment": ["so far"]}),
        lambda one: actions.comment(alice, one.id, "Looking at it."),
    ):
        request = asked_of(claimed_by=alice, claimed_until=soon(seconds=60))
        write(request)
        until = again(request).claimed_until
        assert until is not None
        assert until > soon(seconds=600)


# Reassigning


def test_an_assignee_who_reassigns_a_request_no_longer_sees_it(alice: User, bob: User) -> None:
    request = asked_of(alice)
    bob.groups.add(Group.objects.create(name="finance"))
    with pytest.raises(NotVisible):
        actions.reassign(bob, request.id, to=["bob"])
    actions.reassign(alice, request.id, to=["bob", " group:finance ", "bob"])
    with pytest.raises(NotVisible):
        actions.find(alice, request.id)
    assert actions.find(bob, request.id) == request
    assert sorted(one.name for one in request.assignments.all()) == ["bob", "group:finance"]
    note = Comment.objects.get(request=request)
    assert (note.by, note.text, note.is_system) == (
        alice,
        "reassigned this to bob, group:finance",
        True,
    )


def test_a_person_who_is_not_an_assignee_cannot_reassign(alice: User, carol: User) -> None:
    request = asked_of()
    with pytest.raises(NotPermitted):
        actions.reassign(alice, request.id, to=["alice"])
    actions.reassign(carol, request.id, to=["alice"])
    with pytest.raises(Invalid, match="cannot be reassigned to 'nobody'"):
        actions.reassign(alice, request.id, to=["carol", "nobody"])
    with pytest.raises(Invalid, match="Enter a name"):
        actions.reassign(alice, request.id, to=[" "])
    actions.reassign(carol, request.id, to=[])
    assert not again(request).assigned


# Quorum


def test_the_approval_that_completes_the_quorum_is_the_answer(
    alice: User, bob: User, carol: User
) -> None:
    request = asked_of(quorum=3)
    first = decide(alice, request, {"approved": True, "comment": "Fine."})
    assert (first.waits, first.votes, first.quorum) == (True, 1, 3)
    assert decide(bob, request).votes == 2
    assert (again(request).status, Delivery.objects.count()) == ("pending", 0)
    last = decide(carol, request)
    assert not last.waits
    assert (again(request).status, again(request).answered_by) == ("answered", carol)
    assert Delivery.objects.get().data["by"] == "carol"
    kinds = Decision.objects.order_by("pk").values_list("by__username", "kind")
    assert list(kinds) == [("alice", "vote"), ("bob", "vote"), ("carol", "final")]


def test_one_person_approves_once(alice: User, bob: User) -> None:
    request = asked_of(quorum=2)
    decide(alice, request)
    assert decide(alice, request).again
    with pytest.raises(AlreadyVoted, match="1 of 2 approvals"):
        decide(alice, request, {"approved": True, "comment": "Once more."})
    assert Decision.objects.count() == 1
    decide(bob, request)
    with pytest.raises(AlreadyAnswered):
        decide(alice, request)


def test_one_rejection_answers_the_request_even_by_somebody_who_approved(
    alice: User, bob: User
) -> None:
    for user in (alice, bob):
        request = asked_of(quorum=3)
        decide(alice, request)
        decide(user, request, NO)
        assert (again(request).status, again(request).response) == ("answered", NO)


# Versions


def test_a_version_that_was_not_seen_is_not_approved(alice: User, bob: User) -> None:
    request = asked_of(quorum=2, editable=["claimed"])
    seen = request.digest
    decide(alice, request, digest=seen, edits={"claimed": "600.00"})
    for user in (alice, bob):
        with pytest.raises(Superseded) as caught:
            decide(user, request, {"approved": True, "comment": "?"}, digest=seen)
        assert caught.value.digest == again(request).digest != seen
    decide(bob, request, digest=again(request).digest)
    assert again(request).status == "answered"


def test_the_digest_depends_on_all_that_is_shown() -> None:
    digests = {
        asked_of(**columns).digest
        for columns in (
            {}, {"prompt": "?"}, {"payload": 1}, {"allow": ["approve"]}, {"if_approved": "Paid."},
            {"revision": 2}, {"edits": {"claimed": "1"}}, {"run": make_run(TYPED)},
        )
    }  # fmt: skip
    assert len(digests) == 8
    assert asked_of().digest == asked_of().digest


# Edits


def test_an_edit_takes_effect_and_the_original_payload_is_kept(alice: User) -> None:
    request = asked_of(payload={"claimed": 640, "for": "train"}, editable=["claimed"])
    decide(alice, request, edits={"claimed": 600})
    row = again(request)
    assert (row.payload, row.edits) == ({"claimed": 640, "for": "train"}, {"claimed": 600})
    assert row.effective_payload == {"claimed": 600, "for": "train"}
    assert Delivery.objects.get().data["edits"] == {"claimed": 600}
    assert Decision.objects.get().edits == {"claimed": 600}
    assert decide(alice, request, edits={"claimed": 600}).again
    with pytest.raises(AlreadyAnswered):
        decide(alice, request, edits={"claimed": 1})


def test_an_edit_that_changes_nothing_or_comes_with_a_reject_is_not_delivered(alice: User) -> None:
    for response, edits in ((YES, {"claimed": "640.00"}), (NO, {"claimed": "1"}), (YES, None)):
        request = asked_of(editable=["claimed"])
        decide(alice, request, response, edits=edits)
        delivery = Delivery.objects.get(run=request.run)
        assert "edits" not in delivery.data
        assert again(request).edits == {}


@pytest.mark.parametrize(
    "edits", [{"other": 1}, {"claimed": 5}, {"claimed": None}, {"claimed": {"a": 1}}]
)
def test_only_editable_keys_can_be_edited_and_keep_their_types(alice: User, edits: Any) -> None:
    request = asked_of(editable=["claimed"])
    with pytest.raises(Invalid) as caught:
        decide(alice, request, edits=edits)
    assert caught.value.errors[0]["loc"][0] == "edits"
    assert again(request).is_pending


def test_after_an_edit_all_have_to_approve_again(alice: User, bob: User, carol: User) -> None:
    request = asked_of(quorum=2, editable=["claimed"])
    decide(alice, request)
    outcome = decide(bob, request, edits={"claimed": "600.00"})
    assert (outcome.waits, outcome.votes) == (True, 1)
    assert again(request).revision == 2
    assert decide(alice, request).decision.kind == "final"
    assert again(request).edits == {"claimed": "600.00"}
    assert Delivery.objects.get().data["edits"] == {"claimed": "600.00"}
    standing = Decision.objects.effective().order_by("pk").values_list("by__username", "kind")
    assert list(standing) == [("bob", "vote"), ("alice", "final")]
    assert Decision.objects.count() == 3


# Comments and drafts


def test_a_comment_is_shown_to_all_who_see_the_request(alice: User, bob: User) -> None:
    request = asked_of(alice)
    actions.comment(alice, request.id, "  Is this new?\r\nIt looks old. ")
    assert Comment.objects.get().text == "Is this new?\nIt looks old."
    with pytest.raises(NotVisible):
        actions.comment(bob, request.id, "I cannot know.")
    with pytest.raises(Invalid):
        actions.comment(alice, request.id, " \n ")


def test_a_draft_is_kept_until_the_answer(alice: User, bob: User) -> None:
    request = asked_of()
    actions.save_draft(alice, request.id, {"comment": ["Bec"]})
    actions.save_draft(alice, request.id, {"comment": ["Because"]})
    assert actions.draft_of(bob, request) is None
    kept = actions.draft_of(alice, request)
    assert kept is not None
    assert kept.data == {"comment": ["Because"]}
    decide(alice, request)
    assert not Draft.objects.exists()
    with pytest.raises(AlreadyAnswered):
        actions.save_draft(alice, request.id, {"comment": ["Late"]})
