"""The list of pending requests: its order, filters, pages, and the fragment that refreshes it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from approvals.actions import decide
from approvals.inbox.queries import PAGE_SIZE
from tests.support.answers import YES
from tests.support.clients import HTMX, ago, desk_of, ids, rows, text, url
from tests.support.factories import (
    BARE,
    TYPED,
    make_answered,
    make_request,
    make_run,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


def test_pending_requests_are_listed_oldest_first(desk: Client) -> None:
    young = make_request(prompt="Young?", created_at=ago(minutes=1))
    old = make_request(prompt="Old?", created_at=ago(hours=3))
    make_request(make_run(status="cancelled"), status="cancelled")
    make_answered(YES, by=None)
    page = desk.get("/")
    assert rows(page) == ids(old, young)
    assert "<title>(2) Inbox" in page.content.decode()
    assert re.search("2 requests ?, oldest 3 h", text(page))


def test_an_empty_inbox_shows_a_message(desk: Client) -> None:
    page = desk.get("/")
    assert "<title>Inbox" in page.content.decode()
    assert "No pending requests" in text(page)


def test_a_person_without_permission_sees_a_message() -> None:
    make_request()
    page = desk_of(make_user("carol")).get("/")
    assert rows(page) == []
    assert "You cannot see requests" in text(page)
    assert "Publish it?" not in text(page)


def test_a_search_finds_words_of_prompts(desk: Client) -> None:
    hotel = make_request(prompt="A HOTEL bill?")
    make_request(prompt="A taxi bill?")
    page = desk.get("/", {"q": "hotel"})
    assert rows(page) == ids(hotel)
    assert f'href="{url(hotel)}?q=hotel"' in page.content.decode()
    assert "(2) Inbox" in page.content.decode()
    assert "No matching requests" in text(desk.get("/", {"q": "train"}))


def test_one_workflow_can_be_chosen(desk: Client) -> None:
    typed = make_request(make_run(TYPED))
    make_request()
    assert rows(desk.get("/", {"workflow": "test-typed"})) == ids(typed)


@pytest.mark.parametrize("query", [{"after": "nonsense"}, {"open": "nonsense"}])
def test_invalid_parameters_are_ignored(desk: Client, query: dict[str, str]) -> None:
    request = make_request()
    assert rows(desk.get("/", query)) == ids(request)
    assert rows(desk.get("/", query, headers=HTMX)) == ids(request)


def test_a_long_list_comes_in_pages_that_miss_and_repeat_nothing(desk: Client) -> None:
    run = make_run()
    same = ago(hours=1)
    every = {str(make_request(run, created_at=same).id) for _ in range(PAGE_SIZE + 30)}
    first = desk.get("/")
    found = re.search(r'href="(/\?after=[^"]+)">More', first.content.decode())
    assert found
    second = desk.get(found[1].replace("&amp;", "&"))
    assert (len(rows(first)), len(rows(second))) == (PAGE_SIZE, 30)
    assert set(rows(first)) | set(rows(second)) == every


def test_the_number_of_queries_does_not_grow_with_the_list(
    desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        make_request(make_run(TYPED if n % 2 else BARE))
    with django_assert_max_num_queries(14):
        desk.get("/")
    with django_assert_max_num_queries(11):
        desk.get("/", headers=HTMX)


def test_long_columns_stay_in_the_database(desk: Client) -> None:
    make_request(prompt="Head? " + "x" * 5000, payload={"secret": "payload-of-the-row"})
    page = desk.get("/").content.decode()
    assert "x" * 400 not in page
    assert "payload-of-the-row" not in page


def test_the_fragment_refreshes_rows_counts_title_and_the_open_request(
    desk: Client, bob: User
) -> None:
    request, other = make_request(prompt="Mine?"), make_request(prompt="Other?")
    quiet = desk.get("/", {"open": str(request.id)}, headers=HTMX)
    assert "<html" not in quiet.content.decode()
    assert "<title>(2) Mine? · Inbox" in quiet.content.decode()
    assert 'hx-swap-oob="innerHTML:[data-count=waiting]">2<' in quiet.content.decode()
    assert "answered this" not in text(quiet)
    decide(bob, request.id, YES, source="inbox")
    reported = desk.get("/", {"open": str(request.id)}, headers=HTMX)
    assert rows(reported) == ids(other)
    assert "bob answered this" in text(reported)
    assert f'id="status-{request.id}"' in reported.content.decode()


def test_going_back_in_history_gives_the_whole_page(desk: Client) -> None:
    request = make_request()
    back = HTMX | {"HX-History-Restore-Request": "true"}
    assert "<html" in desk.get("/", headers=back).content.decode()
    assert "<html" in desk.get(url(request), headers=back).content.decode()


def test_a_search_while_typing_is_in_the_address(desk: Client) -> None:
    request = make_request()
    headers = HTMX | {"HX-Trigger": "filters", "HX-Current-URL": f"http://testserver{url(request)}"}
    response = desk.get("/", {"q": "x y"}, headers=headers)
    assert response["HX-Replace-Url"] == f"{url(request)}?q=x+y"
