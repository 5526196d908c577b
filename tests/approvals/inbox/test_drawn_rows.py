"""When the list and its rows are drawn again, and when the response says that nothing changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from approvals import actions
from approvals.inbox import drawn_rows
from approvals.inbox.drawn_rows import draw_rows
from approvals.inbox.queries import slim
from tests.support.clients import HTMX, desk_of, text
from tests.support.factories import TYPED, make_request, make_run, make_user
from tests.support.people import asked_of, soon
from workflows.models import InputRequest, Priority, WorkflowRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.fixture(autouse=True)
def one_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep drawn rows for the whole test, and none of other tests."""
    monkeypatch.setattr(drawn_rows, "MAX_AGE", 10**10)
    monkeypatch.setattr(drawn_rows, "_kept", {})


# How often a row is drawn


def drawn(request: InputRequest, user: User, query: str = "", **given: Any) -> str:
    """Return the row of a request for a user. One that was not drawn again is the same object."""
    row = slim(InputRequest.objects.filter(pk=request.pk)).get()
    return draw_rows([row], user, query, **{"selectable": True, **given})[0]


def test_a_row_is_drawn_once_for_two_people(alice: User, bob: User) -> None:
    request = make_request()
    assert drawn(request, alice) is drawn(request, bob)
    actions.claim(make_user("carol", "approvals.add_decision"), request.pk)
    assert "Claimed by carol" in drawn(request, alice)
    assert drawn(request, alice) is drawn(request, bob)


def test_a_row_is_drawn_again_for_who_claimed_it(alice: User, bob: User) -> None:
    request = make_request()
    actions.claim(alice, request.pk)
    assert "Claimed by you" in drawn(request, alice)
    assert "Claimed by alice" in drawn(request, bob)
    User.objects.filter(pk=alice.pk).update(username="alicia")
    assert "Claimed by alicia" in drawn(request, bob)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "Claimed" not in drawn(request, bob)


def test_a_row_is_drawn_again_for_who_needs_a_second_person(alice: User, bob: User) -> None:
    request = make_request(make_run(started_by=alice), four_eyes=True)
    assert "Second person required" in drawn(request, alice)
    assert "Second person required" not in drawn(request, bob)


def test_a_row_is_drawn_again_with_other_filters_or_without_a_checkbox(alice: User) -> None:
    request = make_request()
    assert f"{request.pk}/?q=x" in drawn(request, alice, "?q=x")
    assert "?q=x" not in drawn(request, alice)
    assert "checkbox" not in drawn(request, alice, selectable=False)
    assert "checkbox" in drawn(request, alice)


def test_the_open_row_is_marked_for_nobody_else(alice: User, bob: User) -> None:
    request = make_request()
    assert "aria-current" in drawn(request, alice, opened=request)
    assert "aria-current" not in drawn(request, bob)


def test_a_row_is_drawn_again_in_another_time_zone(alice: User) -> None:
    request = make_request(deadline=soon(days=3))
    with timezone.override("Asia/Tokyo"):
        there = drawn(request, alice)
    with timezone.override("America/New_York"):
        here = drawn(request, alice)
    assert here is not there


COLUMNS: dict[str, Any] = {
    "prompt": "Another question?", "tags": ["new"], "priority": Priority.HIGH, "quorum": 4,
    "votes": 1, "deadline": soon(hours=5),
}  # fmt: skip


def set_column(name: str) -> Callable[[InputRequest], None]:
    def change(request: InputRequest) -> None:
        InputRequest.objects.filter(pk=request.pk).update(**{name: COLUMNS[name]})

    return change


def pause(request: InputRequest) -> None:
    request.run.pause()


def block(request: InputRequest) -> None:
    WorkflowRun.objects.filter(pk=request.run_id).update(status="blocked")


CHANGES = {**{name: set_column(name) for name in COLUMNS}, "pause": pause, "block": block}


@pytest.mark.parametrize("name", CHANGES)
def test_a_row_that_changed_is_drawn_again(alice: User, name: str) -> None:
    request = make_request(quorum=2)
    before = drawn(request, alice)
    CHANGES[name](request)
    after = drawn(request, alice)
    version = re.compile(r'data-version="\w+"')
    assert version.findall(before) != version.findall(after)
    assert version.sub("", before) != version.sub("", after)


@pytest.mark.parametrize("name", CHANGES)
def test_a_list_with_a_row_that_changed_has_another_tag(desk: Client, name: str) -> None:
    request = make_request(quorum=2)
    before = tag_of(desk)
    CHANGES[name](request)
    assert read_with(desk, before).status_code == 200
    assert tag_of(desk) != before


# The tag of the list


def tag_of(desk: Client, **query: str) -> str:
    """Return the tag of the list that a page shows."""
    found = re.search(r'data-etag="([^"]+)"', desk.get("/", query).content.decode())
    assert found
    return found[1].replace("&quot;", '"')


def read_with(desk: Client, tag: str, **query: str) -> Any:
    """Read the list again as a page does that shows the list of this tag."""
    return desk.get("/", query, headers=HTMX | {"If-None-Match": tag})


def test_a_list_that_the_page_has_is_not_rendered_again(desk: Client) -> None:
    make_request(), make_request()
    response = read_with(desk, tag_of(desk))
    assert (response.status_code, response.content, response.templates) == (304, b"", [])
    assert read_with(desk, '"another"').status_code == 200
    assert desk.get("/", headers={"If-None-Match": tag_of(desk)}).status_code == 200


def test_the_fragment_has_the_tag_of_what_it_shows(desk: Client) -> None:
    make_request()
    fragment = desk.get("/", headers=HTMX).content.decode()
    assert tag_of(desk).replace('"', "&quot;") in fragment


def arrive(request: InputRequest, bob: User) -> None:
    make_request()


def leave(request: InputRequest, bob: User) -> None:
    request.answer({"approved": True}, by=bob, source="inbox")


def be_claimed(request: InputRequest, bob: User) -> None:
    actions.claim(bob, request.pk)


def be_given_away(request: InputRequest, bob: User) -> None:
    InputRequest.objects.filter(pk=request.pk).update(assigned=True)
    request.assignments.create(user=bob)


def be_given(request: InputRequest, bob: User) -> None:
    InputRequest.objects.filter(pk=request.pk).update(assigned=True)
    request.assignments.create(user=User.objects.get(username="alice"))


def get_other_rights(request: InputRequest, bob: User) -> None:
    user = User.objects.get(username="alice")
    user.user_permissions.set([])
    make_user("rita", "workflows.view_inputrequest")
    user.user_permissions.set(User.objects.get(username="rita").user_permissions.all())


@pytest.mark.parametrize(
    "change", [arrive, leave, be_claimed, be_given_away, be_given, get_other_rights]
)
def test_a_change_that_shows_gives_the_list_again(
    desk: Client, bob: User, change: Callable[[InputRequest, User], None]
) -> None:
    request = make_request()
    before = tag_of(desk)
    assert read_with(desk, before).status_code == 304
    change(request, bob)
    response = read_with(desk, before)
    assert response.status_code == 200
    assert tag_of(desk) != before


def test_a_claim_of_who_is_switched_off_leaves_the_list(desk: Client, bob: User) -> None:
    actions.claim(bob, make_request().pk)
    before = tag_of(desk)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert read_with(desk, before).status_code == 200


def test_a_claim_that_ended_leaves_the_list(desk: Client, bob: User) -> None:
    request = make_request()
    actions.claim(bob, request.pk)
    before = tag_of(desk)
    InputRequest.objects.filter(pk=request.pk).update(claimed_until=soon(seconds=-1))
    assert read_with(desk, before).status_code == 200


def test_the_open_request_belongs_to_the_tag(desk: Client, bob: User) -> None:
    request, _ = asked_of(), asked_of()
    shown = tag_with(desk, request)
    assert read_with(desk, shown, open=str(request.pk)).status_code == 304
    assert read_with(desk, shown).status_code == 200
    request.answer({"approved": True}, by=bob, source="inbox")
    response = read_with(desk, shown, open=str(request.pk))
    assert "bob answered this" in text(response)
    again = tag_with(desk, request)
    carol = make_user("carol")
    InputRequest.objects.filter(pk=request.pk).update(answered_by=carol)
    assert "carol answered this" in text(read_with(desk, again, open=str(request.pk)))


def tag_with(desk: Client, opened: InputRequest) -> str:
    """Return the tag of the fragment for a page with an open request."""
    page = desk.get("/", {"open": str(opened.pk)}, headers=HTMX).content.decode()
    found = re.search(r'data-etag="([^"]+)"', page)
    assert found
    return found[1].replace("&quot;", '"')


def test_a_tag_is_that_of_one_person_and_of_one_list(desk: Client, bob: User) -> None:
    make_request(), make_request(make_run(TYPED))
    tags = {
        tag_of(desk), tag_of(desk, q="publish"), tag_of(desk, workflow="test-typed"),
        tag_of(desk_of(bob)),
    }  # fmt: skip
    assert len(tags) == 4
    assert read_with(desk_of(bob), tag_of(desk)).status_code == 200


def test_a_change_beyond_the_filters_or_the_page_changes_the_count(desk: Client) -> None:
    make_request()
    before = tag_of(desk, q="publish")
    make_request(prompt="Something else?")
    response = read_with(desk, before, q="publish")
    assert "(2) Inbox" in response.content.decode()
