"""The rows that an open page fetches."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from approvals import actions
from approvals.inbox import drawn_rows
from approvals.inbox.queries import PAGE_SIZE
from tests.support.clients import HTMX, ago, desk_of, ids, rows, text
from tests.support.factories import TYPED, make_answered, make_request, make_run, make_user
from tests.support.people import asked_of, soon
from workflows.models import InputRequest, Priority

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

ITEM = re.compile(r"<li data-request=.*?</li>", re.DOTALL)


def fetch(desk: Client, *requests: InputRequest, **filters: str) -> Any:
    """Fetch the rows of these requests."""
    return desk.get("/requests/rows/", {"ids": ",".join(ids(*requests)), **filters})


def items(response: Any) -> list[str]:
    """Return the list items of a response as HTML."""
    return ITEM.findall(response.content.decode())


def test_rows_have_the_order_of_the_list_whatever_was_asked_for(desk: Client) -> None:
    young = make_request(created_at=ago(minutes=1))
    old = make_request(created_at=ago(hours=1))
    urgent = make_request(priority=Priority.HIGH, created_at=ago(minutes=2))
    assert rows(fetch(desk, young, urgent, old)) == ids(urgent, old, young)


def test_a_row_is_the_same_as_in_the_list(
    desk: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = make_user("bob", "approvals.add_decision")
    every = [
        make_request(prompt="Plain? <b>&amp;"),
        make_request(tags=["travel", "vip"], priority=Priority.LOW),
        make_request(deadline=soon(hours=2)),
        make_request(make_run(status="paused"), quorum=3, votes=1),
        make_request(make_run(started_by=alice), four_eyes=True),
        asked_of(alice),
    ]
    actions.claim(alice, every[0].pk)
    actions.claim(group, every[1].pk)
    for query in ({}, {"q": "publish"}):
        listed = items(desk.get("/", query))
        shown = [one for one in every if str(one.pk) in "".join(listed)]
        assert len(shown) > 3
        assert items(fetch(desk, *shown, **query)) == listed
        monkeypatch.setattr(drawn_rows, "_kept", {})
        assert items(fetch(desk, *shown, **query)) == listed
        assert items(desk.get("/", query, headers=HTMX)) == listed


def test_what_the_list_may_not_show_is_left_out(desk: Client, bob: User) -> None:
    shown = make_request()
    hidden = asked_of(bob)
    answered = make_answered({"approved": True}, by=bob)
    cancelled = make_request(make_run(status="cancelled"), status="cancelled")
    unknown = InputRequest(pk=uuid4())
    response = fetch(desk, hidden, answered, shown, cancelled, unknown)
    assert rows(response) == ids(shown)
    assert str(hidden.pk) not in response.content.decode()
    assert rows(fetch(desk_of(make_user("carol")), shown)) == []


@pytest.mark.parametrize(
    ("filters", "columns"),
    [
        ({"q": "hotel"}, {"prompt": "A hotel?"}),
        ({"tag": "travel"}, {"tags": ["travel"]}),
        ({"priority": "high"}, {"priority": Priority.HIGH}),
        ({"workflow": "test-typed"}, {"run": TYPED}),
    ],
)
def test_what_the_filters_exclude_is_left_out(
    desk: Client, filters: dict[str, str], columns: dict[str, Any]
) -> None:
    given = {**columns, "run": make_run(TYPED)} if "run" in columns else columns
    matching, other = make_request(**given), make_request()
    assert rows(fetch(desk, other, matching, **filters)) == ids(matching)


def test_only_ones_own_are_fetched_with_that_filter(desk: Client, alice: User) -> None:
    given, claimed, other = asked_of(alice), make_request(), make_request()
    actions.claim(alice, claimed.pk)
    found = rows(fetch(desk, given, claimed, other, mine="1"))
    assert set(found) == set(ids(given, claimed))


def test_a_cursor_in_the_filters_excludes_nothing(desk: Client) -> None:
    run = make_run()
    every = [make_request(run, created_at=ago(hours=1)) for _ in range(PAGE_SIZE + 1)]
    found = re.search(r'href="/\?after=([^"]+)">More', desk.get("/").content.decode())
    assert found
    assert rows(fetch(desk, every[0], after=found[1])) == ids(every[0])


@pytest.mark.parametrize(
    "keys", ["x", "1,2", f"{UUID(int=1)},nonsense", "é", "\x00", ",".join(["0" * 33])]
)
def test_malformed_keys_are_refused(desk: Client, keys: str) -> None:
    assert desk.get("/requests/rows/", {"ids": keys}).status_code == 400


def test_more_keys_than_a_page_has_rows_are_refused(desk: Client) -> None:
    keys = [str(uuid4()) for _ in range(PAGE_SIZE + 1)]
    response = desk.get("/requests/rows/", {"ids": ",".join(keys)})
    assert (response.status_code, str(PAGE_SIZE) in text(response)) == (400, True)
    assert desk.get("/requests/rows/", {"ids": ",".join(keys[1:])}).status_code == 200


@pytest.mark.parametrize("keys", ["", ",", ",,"])
def test_no_keys_are_no_rows(desk: Client, keys: str) -> None:
    response = desk.get("/requests/rows/", {"ids": keys})
    assert (response.status_code, response.content) == (200, b"")


def test_a_key_that_is_named_twice_is_one_row(desk: Client) -> None:
    request = make_request()
    assert rows(fetch(desk, request, request)) == ids(request)


def test_the_number_of_queries_does_not_grow_with_the_rows(
    desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    every = [make_request() for _ in range(20)]
    with django_assert_max_num_queries(8):
        assert len(rows(fetch(desk, *every))) == 20


def test_who_only_reads_gets_no_checkbox(desk: Client) -> None:
    request = make_request()
    reader = desk_of(make_user("rita", "workflows.view_inputrequest"))
    assert "checkbox" in items(fetch(desk, request))[0]
    assert "checkbox" not in items(fetch(reader, request))[0]
