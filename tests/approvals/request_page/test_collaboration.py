"""The parts of the page for several people: with plain forms, with htmx, and hidden if unused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from approvals import actions
from approvals.models import Comment, Decision, Draft
from tests.approvals.request_page.posts import post
from tests.support.clients import desk_of, field, ids, rows, text, url
from tests.support.factories import TYPED, make_answered, make_run
from tests.support.people import NO, YES, again, asked_of, make_operator, soon

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


# Unused parts


def test_unused_parts_are_not_shown(desk: Client) -> None:
    page = text(desk.get(url(asked_of(), "")))
    for word in (
        "approvals", "If you approve", "You can edit", "Changed", "Overdue", "Reminded", "Normal",
        "Undo until", "Similar requests", "Comments", "Reassign", "Draft saved", "Mine",
        "All priorities", "for alice",
    ):  # fmt: skip
        assert word not in page, word


def test_a_request_shows_its_options(desk: Client, alice: User, bob: User) -> None:
    past = make_answered(NO, by=bob, prompt="Publish the last one?")
    request = asked_of(
        alice, priority=4, tags=["money"], if_approved="It is <b>paid</b>.", quorum=2,
        overdue_at=soon(seconds=-5), escalated_at=soon(seconds=-5),
    )  # fmt: skip
    response = desk.get(url(request))
    page = text(response)
    for words in (
        "Urgent", "money", "0 of 2 approvals", "Overdue", "Escalated", "for alice",
        "Once 2 people have approved this: It is &lt;b&gt;paid&lt;/b&gt;.",
        "Similar requests", past.prompt,
    ):  # fmt: skip
        assert words in page, words
    assert field(response, "_digest") == request.digest


# Claims


@pytest.mark.parametrize("htmx", [False, True])
def test_claim_and_release(desk: Client, alice: User, bob: User, htmx: bool) -> None:
    request = asked_of()
    done = post(desk, url(request, "claim/"), htmx=htmx)
    assert done.status_code == (200 if htmx else 303)
    assert "Claimed by you until" in text(desk.get(url(request)))
    theirs = desk_of(bob)
    assert "Claimed by alice" in text(theirs.get("/"))
    page = theirs.get(url(request))
    assert "Claimed by alice" in text(page)
    assert 'name="verdict"' not in page.content.decode()
    refused = post(theirs, url(request, "decide/"), htmx=htmx, verdict="approve", comment="Mine.")
    assert refused.status_code == 409
    assert "claimed by alice" in text(refused)
    assert "Mine." in text(refused)
    assert post(theirs, url(request, "release/"), htmx=htmx).status_code == 403
    assert post(theirs, url(request, "claim/"), htmx=htmx).status_code == 409
    post(desk, url(request, "release/"), htmx=htmx)
    assert "Claim" in text(theirs.get(url(request)))


# Reassigning


@pytest.mark.parametrize("htmx", [False, True])
def test_after_reassigning_a_request_the_inbox_is_shown(
    desk: Client, alice: User, bob: User, htmx: bool
) -> None:
    request = asked_of(alice)
    wrong = post(desk, url(request, "reassign/"), htmx=htmx, to="bob, nobody")
    assert wrong.status_code == 422
    assert "cannot be reassigned to" in text(wrong)
    assert 'value="bob, nobody"' in wrong.content.decode()
    done = post(desk, url(request, "reassign/"), htmx=htmx, to="bob")
    assert done.headers["HX-Redirect" if htmx else "Location"] == "/"
    assert desk.get(url(request)).status_code == 404
    assert "reassigned this to bob" in text(desk_of(bob).get(url(request)))


# Quorum, versions, edits


def test_after_the_first_of_two_approvals_the_count_is_shown(desk: Client, bob: User) -> None:
    request, other = asked_of(quorum=2), asked_of(prompt="And this?")
    page = post(desk, url(request, "decide/"), htmx=True, verdict="approve", comment="Fine.")
    assert page.status_code == 200
    assert "Your approval was recorded. The request has 1 of 2 approvals." in text(page)
    assert str(other.id) in page.content.decode()
    assert 'value="approve"' not in page.content.decode()
    assert 'value="reject"' in page.content.decode()
    theirs = desk_of(bob)
    assert "alice approved: Fine." in text(theirs.get(url(request)))
    post(theirs, url(request, "decide/"), verdict="approve")
    assert "Also approved by you : Fine." in text(desk.get(url(request)))
    assert "Also approved by alice : Fine." in text(theirs.get(url(request)))
    assert again(request).status == "answered"


def test_an_approval_can_be_withdrawn_while_others_are_missing(desk: Client, bob: User) -> None:
    request = asked_of(quorum=2)
    theirs = desk_of(bob)
    post(desk, url(request, "decide/"), verdict="approve")
    assert 'form="undo-form"' in desk.get(url(request)).content.decode()
    assert 'form="undo-form"' not in theirs.get(url(request)).content.decode()
    refused = post(theirs, url(request, "undo/"), htmx=True)
    assert refused.status_code == 409
    assert "has no approval of yours to withdraw" in text(refused)
    page = post(desk, url(request, "undo/"), htmx=True)
    assert page.status_code == 200
    assert "You withdrew the approval" in text(page)
    assert 'value="approve"' in page.content.decode()
    assert "alice withdrew the approval" in text(theirs.get(url(request)))


def test_a_page_of_an_earlier_version_gets_the_new_one_and_keeps_the_draft(
    desk: Client, bob: User
) -> None:
    request = asked_of(quorum=2, editable=["claimed"])
    seen = field(desk.get(url(request)), "_digest")
    actions.decide(bob, request.id, YES, source="inbox", edits={"claimed": "600.00"})
    for htmx in (True, False):
        page = post(
            desk, url(request, "decide/"), htmx=htmx, verdict="approve", comment="As asked.",
            _digest=seen, edits={"claimed": "630.00"},
        )  # fmt: skip
        assert page.status_code == 412
        shown = text(page)
        assert "changed after you opened it" in shown
        assert "As asked." in shown
        assert "630.00" in shown
        assert field(page, "_edit.claimed") == "600.00"
        assert field(page, "_digest") == again(request).digest
    assert Decision.objects.count() == 1


# Comments, drafts, undo


@pytest.mark.parametrize("htmx", [False, True])
def test_a_comment_is_shown_on_the_page(desk: Client, bob: User, htmx: bool) -> None:
    request = asked_of()
    empty = post(desk, url(request, "comments/"), htmx=htmx, said=" ")
    assert empty.status_code == 422
    done = post(desk, url(request, "comments/"), htmx=htmx, said="<i>Is it?</i>\nReally?")
    assert done.status_code == (200 if htmx else 303)
    assert "alice : &lt;i&gt;Is it?&lt;/i&gt; Really?" in text(desk_of(bob).get(url(request)))
    assert Comment.objects.count() == 1


def test_a_draft_is_shown_on_another_machine(desk: Client, alice: User, bob: User) -> None:
    request = asked_of(editable=["claimed"])
    typed: dict[str, Any] = {"comment": "Half a thou", "_digest": "x", "edits": {"claimed": "1.00"}}
    saved = post(desk, url(request, "draft/"), htmx=True, **typed)
    assert (saved.status_code, saved.content) == (204, b"")
    assert Draft.objects.get().data == {"comment": ["Half a thou"], "_edit.claimed": ["1.00"]}
    page = desk_of(alice).get(url(request))
    assert "Half a thou" in text(page)
    assert field(page, "_edit.claimed") == "1.00"
    assert "Half a thou" not in text(desk_of(bob).get(url(request)))
    assert post(desk, url(request, "draft/"), **typed).status_code == 303
    typed_one = asked_of(run=make_run(TYPED))
    post(desk, url(typed_one, "draft/"), amount="12", reason="exception", note="n")
    assert 'value="12"' in desk.get(url(typed_one)).content.decode()


def test_an_answer_can_be_undone_on_its_page(desk: Client, bob: User, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    request = asked_of()
    page = post(desk, url(request, "decide/"), htmx=True, verdict="approve")
    assert "Undo until" in text(page)
    assert "goes to the run when it can no longer be undone" in text(page)
    assert "Undo until" not in text(desk_of(bob).get(url(request)))
    assert post(desk_of(bob), url(request, "undo/")).status_code == 403
    assert post(desk, url(request, "undo/")).status_code == 303
    assert again(request).is_pending
    assert post(desk, url(request, "undo/"), htmx=True).status_code == 409


# The list


def test_more_urgent_requests_come_first_and_pages_keep_the_order(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.inbox.queries.PAGE_SIZE", 2)
    old, new = asked_of(created_at=soon(hours=-2)), asked_of(created_at=soon(hours=-1))
    urgent, low = asked_of(priority=4), asked_of(priority=1, created_at=soon(hours=-9))
    first = desk.get("/")
    assert rows(first) == ids(urgent, old)
    after = re.search(r'href="(/\?after=[^"]+)"', first.content.decode())
    assert after
    assert rows(desk.get(after[1])) == ids(new, low)
    opened = post(desk, url(old, "decide/"), htmx=True, verdict="approve")
    assert f"/requests/{new.id}/" in opened.content.decode()


def test_the_list_can_be_filtered_by_tag_priority_and_mine(
    desk: Client, alice: User, bob: User
) -> None:
    group = Group.objects.create(name="finance")
    alice.groups.add(group)
    plain = asked_of(tags=['say "a"', "b"])
    mine, ours = asked_of(alice, priority=3), asked_of(group, tags=["a"])
    held = asked_of(claimed_by=alice, claimed_until=soon(hours=1))
    asked_of(bob)
    assert set(rows(desk.get("/"))) == set(ids(plain, mine, ours, held))
    assert rows(desk.get("/?tag=a")) == ids(ours)
    assert rows(desk.get("/", {"tag": 'say "a"'})) == ids(plain)
    assert rows(desk.get("/?priority=high")) == ids(mine)
    assert set(rows(desk.get("/?mine=1"))) == set(ids(mine, ours, held))
    assert set(rows(desk.get("/?priority=nonsense"))) == set(ids(plain, mine, ours, held))
    page = text(desk.get("/?tag=a"))
    assert "Mine" in page
    assert "All priorities" in page
    assert "remove this filter" in page


# Hidden requests


def test_a_request_assigned_to_others_is_not_shown_anywhere(alice: User, bob: User) -> None:
    run = make_run(started_by=alice)
    secret = asked_of(bob, run=run, prompt="The secret question?", tags=["hidden"])
    old = make_answered(YES, by=bob, prompt="The secret answer?", assigned=True)
    old.assignments.create(user=bob)
    desk, theirs, all_of_it = desk_of(alice), desk_of(bob), desk_of(make_operator("carol"))
    places = ["/", "/?q=secret", "/?tag=hidden", "/?mine=1", f"/?open={secret.id}",
              "/requests/answered/", "/requests/answered/?q=secret", url(secret), url(old),
              "/runs/", f"/runs/{run.id}/"]  # fmt: skip
    for place in places:
        assert "secret" not in text(desk.get(place)).replace("q=secret", ""), place
    assert "1 open" not in text(desk.get("/runs/"))
    for verb in ("decide", "claim", "release", "reassign", "comments", "draft", "undo"):
        answer = post(desk, url(secret, f"{verb}/"), verdict="approve", to="alice", said="?")
        assert answer.status_code == 404, verb
    assert desk.get(f"/runs/{run.id}/snapshot.json").status_code == 404
    assert theirs.get(f"/runs/{run.id}/snapshot.json").status_code == 200
    for client in (theirs, all_of_it):
        assert "The secret question?" in text(client.get("/"))
        assert "The secret answer?" in text(client.get("/requests/answered/"))
