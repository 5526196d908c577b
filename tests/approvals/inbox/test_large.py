"""An inbox with very many requests: limited counts, keyset pagination, and few queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from approvals.context_processors import waiting_of
from approvals.inbox.filters import Filters
from approvals.inbox.queries import PAGE_SIZE, InboxPage, inbox_counts, next_after
from tests.support.clients import HTMX, ago, desk_of, ids, rows, text
from tests.support.factories import BARE, TYPED, make_request, make_run
from tests.support.people import asked_of, make_operator, soon
from workflows.models import InputRequest
from workflows.sql import scalar_queries
from workflows.sql.scalar_queries import COUNT_LIMIT, BoundedCount
from workflows.web import context_processors
from workflows.web.context_processors import attention_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the limit of counts to three, also in statements that were compiled before."""
    kept = (inbox_counts, waiting_of, attention_of)
    monkeypatch.setattr(scalar_queries, "COUNT_LIMIT", 3)
    for one in kept:
        one.cache_clear()
    yield
    for one in kept:
        one.cache_clear()


def waiting(user: User, **filters: str) -> InboxPage:
    return InboxPage.of(user, Filters(**filters))


# Counts


def test_a_count_is_exact_up_to_its_limit() -> None:
    assert [str(BoundedCount(number)) for number in (0, 1, COUNT_LIMIT)] == ["0", "1", "1,000"]
    assert str(BoundedCount(COUNT_LIMIT + 1)) == "1,000+"
    assert not BoundedCount(0)


@pytest.mark.usefixtures("few")
def test_a_count_below_the_limit_is_shown(desk: Client) -> None:
    for _ in range(3):
        make_request()
    page = desk.get("/")
    assert "<title>(3) Inbox" in page.content.decode()
    assert "3 requests , oldest 4 min" in text(page)


@pytest.mark.usefixtures("few")
def test_a_count_above_the_limit_is_shown_as_more(desk: Client) -> None:
    for _ in range(6):
        make_request()
    page, elsewhere = desk.get("/"), desk.get("/requests/answered/")
    assert "<title>(3+) Inbox" in page.content.decode()
    assert "3+ requests , oldest 4 min" in text(page)
    assert 'data-count="waiting">3+<' in elsewhere.content.decode()
    assert "3+ other requests are pending." in text(desk.get("/", {"q": "nothing like it"}))
    fragment = desk.get("/", headers=HTMX).content.decode()
    assert 'hx-swap-oob="innerHTML:[data-count=waiting]">3+<' in fragment


@pytest.mark.usefixtures("few")
def test_a_badge_counts_only_as_far_as_it_can_show(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_processors, "MAX_BADGE_COUNT", 2)
    seen = []
    for _ in range(3):
        make_request(run=make_run(status="failed"))
        seen.append(
            set(re.findall(r'data-count="attention">([^<]*)<', desk.get("/").content.decode()))
        )
    assert seen == [{"1"}, {"2"}, {"2+"}]


@pytest.mark.usefixtures("few")
def test_no_count_includes_hidden_requests(desk: Client, bob: User) -> None:
    for _ in range(6):
        asked_of(bob, priority=4, run=make_run(TYPED))
    assert "<title>Inbox" in desk.get("/").content.decode()
    make_request()
    page = desk.get("/")
    assert "<title>(1) Inbox" in page.content.decode()
    for word in ("test-typed", "Mine", "All priorities", "3+"):
        assert word not in text(page), word


def test_filters_have_their_own_counts(alice: User) -> None:
    most = PAGE_SIZE - 5  # of each, so that both together need more than a page
    for n in range(2 * most):
        make_request(prompt="Odd?" if n % 2 else "Even?", created_at=ago(minutes=200 - n))
    page = waiting(alice, q="odd")
    assert (page.found, page.total, page.next_page) == (
        BoundedCount(most),
        BoundedCount(2 * most),
        "",
    )
    assert page.oldest == min(row.created_at for row in page.rows)
    page = waiting(alice, q="?")
    assert (page.found, page.oldest, len(page.rows)) == (BoundedCount(2 * most), None, PAGE_SIZE)
    assert page.next_page
    assert waiting(
        alice, q="even", after=page.next_page.partition("after=")[2]
    ).found == BoundedCount(most)


def test_the_first_and_last_time_are_those_of_visible_requests(alice: User, bob: User) -> None:
    asked_of(bob, created_at=ago(days=9))
    old, new = make_request(created_at=ago(hours=3)), make_request(created_at=ago(hours=1))
    asked_of(bob)
    page = waiting(alice)
    assert (page.oldest, page.newest) == (old.created_at, new.created_at)


def test_a_person_without_permission_has_no_counts(django_user_model: type[User]) -> None:
    make_request(priority=4)
    page = waiting(django_user_model.objects.create(username="carol"))
    assert (page.rows, page.workflows, page.total, page.newest) == ([], [], BoundedCount(0), None)
    assert not page.has_priorities
    assert not page.has_assigned


# Choices of the filters


def test_each_workflow_with_pending_requests_is_listed_once(alice: User, bob: User) -> None:
    for name in ("b", "a", "c", "b", "a"):
        make_request(make_run(workflow_name=name))
    asked_of(bob, run=make_run(workflow_name="hidden"))
    make_request(make_run(workflow_name="over", status="cancelled"), status="cancelled")
    assert waiting(alice).workflows == ["a", "b", "c"]
    assert waiting(make_operator("olga")).workflows == ["a", "b", "c", "hidden"]


def test_mine_are_requests_assigned_to_me_or_my_group_or_claimed_by_me(
    alice: User, bob: User
) -> None:
    group = Group.objects.create(name="finance")
    alice.groups.add(group)
    mine = [asked_of(alice), asked_of(group), asked_of(claimed_by=alice, claimed_until=soon())]
    asked_of(bob)
    asked_of(claimed_by=bob, claimed_until=soon())
    asked_of()
    assert {row.id for row in waiting(alice, mine="1").rows} == {one.id for one in mine}
    assert waiting(alice).has_assigned
    assert waiting(alice, mine="1").found == BoundedCount(3)


# Order and pages


def in_order() -> list[InputRequest]:
    """Make requests of several priorities, two at each time; return them in order."""
    made = [
        make_request(priority=priority, created_at=ago(hours=hours), prompt=f"{priority} {hours}?")
        for priority in (1, 2, 3, 4)
        for hours in (1, 1, 2, 2, 3)
    ]
    return sorted(made, key=lambda one: (-one.priority, one.created_at, one.id))


def test_pages_continue_from_one_priority_to_the_next(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.inbox.queries.PAGE_SIZE", 3)
    every, address, seen = in_order(), "/", list[str]()
    while address:
        page = desk.get(address)
        seen += rows(page)
        found = re.search(r'href="(/\?after=[^"]+)">More', page.content.decode())
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == ids(*every)


def test_after_the_last_request_the_next_one_is_the_first(alice: User) -> None:
    every = in_order()
    for one, after in pairwise([*every, every[0]]):
        assert next_after(alice, one, Filters()) == after
    assert next_after(alice, every[3], Filters(q="1 2?")) == every[-4]
    for one in every[1:]:
        one.delete()
    assert next_after(alice, every[0], Filters()) is None


# Queries


@pytest.mark.parametrize("query", ["", "?workflow=test-typed", "?mine=1", "?q=it", "?tag=a"])
@pytest.mark.parametrize("sees_all", [True, False])
def test_a_page_takes_at_most_eight_queries(
    query: str, sees_all: bool, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_operator("olga") if sees_all else alice
    for _ in range(PAGE_SIZE + 1):
        asked_of(person, run=make_run(TYPED), tags=["a"], priority=3)
    desk = desk_of(person)
    with django_assert_max_num_queries(8):
        assert len(rows(desk.get(f"/{query}"))) == PAGE_SIZE
    with django_assert_max_num_queries(7):
        assert len(rows(desk.get(f"/{query}", headers=HTMX))) == PAGE_SIZE


# The workflow of a request


def test_a_request_knows_the_workflow_of_its_run(drive: Callable[[], None]) -> None:
    from workflows.models import WorkflowRun

    WorkflowRun.objects.start(BARE)
    drive()
    assert InputRequest.objects.get().workflow == BARE.name
