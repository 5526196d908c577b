"""The list of runs, and the page of runs and requests that need attention."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.support.factories import (
    make_answered,
    make_request,
    make_reviewer,
    make_run,
    make_user,
)
from tests.support.people import asked_of, make_operator
from workflows.models import InputRequest, WorkflowRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    return make_user(
        "olga", "workflows.view_workflowrun", "workflows.change_workflowrun",
        "workflows.view_inputrequest",
    )  # fmt: skip


@pytest.fixture
def desk(operator: User, client: Client) -> Client:
    client.force_login(operator)
    return client


def shown(client: Client, address: str = "/runs/", **query: str) -> list[str]:
    """Return the ids of the runs in the list, in the order of the page."""
    response = client.get(address, query or None)
    assert response.status_code == 200
    return re.findall(r'data-run="([0-9a-f-]+)"', response.content.decode())


def test_the_newest_run_comes_first(desk: Client) -> None:
    now = timezone.now()
    runs = [make_run(created_at=now - timedelta(minutes=n)) for n in (3, 1, 2)]
    assert shown(desk) == [str(runs[n].id) for n in (1, 2, 0)]


def test_a_row_shows_the_number_of_open_requests(desk: Client) -> None:
    run = make_run()
    make_request(run)
    make_request(run)
    make_answered(None, by=None, run=run)
    assert "Waiting for 2 answers" in desk.get("/runs/").content.decode()


def test_the_list_can_be_filtered_by_status_workflow_and_starter(
    desk: Client, operator: User
) -> None:
    mine = make_run(status="failed", started_by=operator)
    make_run(status="failed")
    other = make_run()
    WorkflowRun.objects.filter(pk=other.pk).update(workflow="other")
    assert len(shown(desk, status="failed")) == 2
    assert shown(desk, status="failed", mine="1") == [str(mine.id)]
    assert shown(desk, workflow="other") == [str(other.id)]
    assert len(shown(desk, status="nonsense")) == 3
    assert shown(desk, workflow="none") == []


@pytest.mark.parametrize("length", [1, 6, 9, 13, 36])
def test_a_run_is_found_by_the_beginning_of_its_id(desk: Client, length: int) -> None:
    run = make_run()
    assert str(run.id) in shown(desk, q=str(run.id)[:length].upper())


def test_a_text_that_cannot_be_an_id_finds_nothing(desk: Client) -> None:
    make_run()
    assert shown(desk, q="zebra") == []
    assert shown(desk, q="0" * 40) == []


def test_pages_can_be_followed_in_both_directions(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.web.views.run_list.PAGE_SIZE", 3)
    now = timezone.now()
    for number in range(8):  # pairs have the same time, so the id decides their order
        make_run(created_at=now - timedelta(minutes=number // 2))
    pages, address = [], "/runs/"
    while address:
        content = desk.get(address).content.decode()
        pages.append(re.findall(r'data-run="([0-9a-f-]+)"', content))
        links = re.findall(r'href="(\?older=[^"]+)"', content)
        address = f"/runs/{links[0]}" if links else ""
    ids = [id for page in pages for id in page]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert len(set(ids)) == 8
    newer = re.findall(r'href="(\?newer=[^"]+)"', content)[0]
    assert shown(desk, f"/runs/{newer}") == pages[1]


def test_links_to_other_pages_keep_the_filter(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.web.views.run_list.PAGE_SIZE", 1)
    make_run()
    make_run()
    content = desk.get("/runs/?status=waiting&mine=0").content.decode()
    assert re.search(r'href="\?status=waiting&amp;mine=0&amp;older=', content)


@pytest.mark.parametrize("cursor", ["x", "2026-11-22_x", "2026-11-22T09:00:00_" + "0" * 32, "_"])
def test_an_invalid_cursor_gives_the_first_page(desk: Client, cursor: str) -> None:
    make_run()
    assert len(shown(desk, older=cursor)) == 1


def test_people_see_only_the_runs_that_are_visible_to_them(client: Client) -> None:
    carol = make_user("carol")
    own = make_run(started_by=carol)
    make_run()
    client.force_login(carol)
    assert shown(client) == [str(own.id)]


def test_htmx_gets_only_the_rows(desk: Client) -> None:
    make_run()
    fragment = desk.get("/runs/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert 'id="rows"' in fragment


def test_queries_do_not_grow_with_the_list(
    desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        make_request(make_run(started_by=make_user(f"user{number}")))
    with django_assert_max_num_queries(7) as queries:
        desk.get("/runs/", headers={"HX-Request": "true"})
    listing = [query["sql"] for query in queries if "LIMIT 51" in query["sql"]]
    assert len(listing) == 1
    assert not [query for query in queries if "OFFSET" in query["sql"]]


def test_attention_shows_failed_and_blocked_runs_with_actions(desk: Client) -> None:
    failed = make_run(status="failed", error={"message": "It broke.", "step": "ask"})
    make_run(status="blocked", error={"message": "No such step any more."})
    make_run(status="completed")
    page = desk.get("/runs/attention/").content.decode()
    assert "It broke." in page
    assert "No such step any more." in page
    assert f"{failed.get_absolute_url()}retry/" in page
    assert page.count('class="trouble"') == 2


def test_attention_offers_no_retry_without_the_permission(client: Client) -> None:
    carol = make_user("carol")
    make_run(status="failed", started_by=carol)
    client.force_login(carol)
    page = client.get("/runs/attention/").content.decode()
    assert page.count('class="trouble"') == 1
    assert "retry/" not in page


@pytest.mark.usefixtures("answerable")
def test_attention_is_empty_if_no_run_needs_a_person(desk: Client) -> None:
    make_reviewer("bob")
    make_request()
    assert "Nothing needs attention" in desk.get("/runs/attention/").content.decode()


def test_a_request_is_unanswerable_while_no_active_person_may_decide(desk: Client) -> None:
    request = make_request(prompt="Who will answer this?")
    assert "Who will answer this?" in desk.get("/runs/attention/").content.decode()
    bob = make_reviewer("bob")
    assert not InputRequest.objects.unanswerable().exists()
    bob.is_active = False
    bob.save()
    assert InputRequest.objects.unanswerable().get() == request


def test_four_eyes_need_somebody_who_did_not_start_the_run() -> None:
    bob = make_reviewer("bob")
    own = make_request(make_run(started_by=bob), four_eyes=True)
    make_request(make_run(started_by=None), four_eyes=True)
    make_request(make_run(started_by=bob))
    assert list(InputRequest.objects.unanswerable()) == [own]
    User.objects.create_superuser("root")
    assert not InputRequest.objects.unanswerable().exists()


def test_an_assigned_request_needs_an_assignee_who_may_decide() -> None:
    bob, carol = make_reviewer("bob"), User.objects.create(username="carol")
    full, empty = Group.objects.create(name="full"), Group.objects.create(name="empty")
    full.user_set.add(bob, carol)
    empty.user_set.add(carol)
    asked_of(bob)
    asked_of(full)
    asked_of(carol, bob)
    lost = [asked_of(carol), asked_of(empty), asked_of(carol, empty)]
    assert list(InputRequest.objects.unanswerable().order_by("created_at")) == lost
    make_operator("olga")
    assert not InputRequest.objects.unanswerable().exists()


def test_four_eyes_need_an_assignee_who_did_not_start_the_run() -> None:
    bob, carol, dora = make_reviewer("bob"), make_reviewer("carol"), make_reviewer("dora")
    group = Group.objects.create(name="group")
    group.user_set.add(bob)
    run = make_run(started_by=bob)
    alone = [asked_of(one, run=run, four_eyes=True) for one in (bob, group)]
    asked_of(bob, run=run)
    asked_of(bob, carol, run=run, four_eyes=True)
    asked_of(bob, run=make_run(started_by=dora), four_eyes=True)
    assert list(InputRequest.objects.unanswerable().order_by("created_at")) == alone
    group.user_set.add(dora)
    assert list(InputRequest.objects.unanswerable()) == alone[:1]
    make_operator("olga")
    assert not InputRequest.objects.unanswerable().exists()


def test_a_person_who_sees_all_requests_cannot_answer_those_of_their_own_run() -> None:
    olga = make_operator("olga")
    own = asked_of(olga, run=make_run(started_by=olga), four_eyes=True)
    asked_of(olga)
    assert list(InputRequest.objects.unanswerable()) == [own]


def test_an_answered_request_does_not_need_attention() -> None:
    make_answered({"approved": True}, by=None)
    assert not InputRequest.objects.unanswerable().exists()
