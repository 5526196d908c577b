"""The page of one request in every state, and the list of answered requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from approvals.actions import decide
from approvals.inbox.queries import PAGE_SIZE
from tests.support.answers import YES
from tests.support.clients import HTMX, ago, desk_of, ids, rows, text, url
from tests.support.factories import (
    TYPED,
    make_answered,
    make_request,
    make_run,
    make_user,
)
from workflows.models import InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


# --- one request --------------------------------------------------------------------------------


def test_a_request_is_shown_beside_the_list(desk: Client) -> None:
    request = make_request(make_run(started_by=make_user("carol")), payload={"team": "Sales"})
    page = desk.get(url(request))
    assert rows(page) == ids(request)
    html = page.content.decode()
    assert f'data-run="{request.run_id}"' in html
    assert "<title>(1) Publish it? · Inbox" in html
    assert all(f'name="verdict" value="{verdict}"' in html for verdict in request.allow)
    assert "Team Sales" in text(page)
    assert "Run started by carol" in text(page)


def test_htmx_gets_only_the_request(desk: Client) -> None:
    request = make_request()
    html = desk.get(url(request), headers=HTMX).content.decode()
    assert "<html" not in html
    assert "<title>(1) Publish it? · Inbox" in html
    assert f'data-run="{request.run_id}"' in html


def test_only_the_verdicts_that_are_allowed_are_offered(desk: Client) -> None:
    html = desk.get(url(make_request(allow=["approve"]))).content.decode()
    assert re.findall(r'name="verdict" value="(\w+)"', html) == ["approve"]
    assert 'name="text"' not in html


def test_a_typed_request_with_a_verdict_has_two_buttons(desk: Client) -> None:
    html = desk.get(url(make_request(make_run(TYPED)))).content.decode()
    assert re.findall(r'name="approved" value="(\w+)"', html) == ["true", "false"]
    assert 'name="amount"' in html
    assert "What we pay" in html


def test_the_first_button_of_a_form_sends_nothing_so_that_enter_decides_nothing(
    desk: Client,
) -> None:
    for request in (make_request(), make_request(make_run(TYPED))):
        html = desk.get(url(request)).content.decode()
        form = html[html.index('class="decision"') :]
        first = re.search(r"<button[^>]*>", form)
        assert first
        assert first[0] == '<button formmethod="dialog" hidden>'


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_unknown_request_is_not_found(desk: Client, headers: dict[str, str]) -> None:
    response = desk.get(f"/requests/{uuid4()}/", headers=headers)
    assert response.status_code == 404
    assert "Request not found" in text(response)


def test_the_summary_shows_answers_of_others_and_open_requests(desk: Client, bob: User) -> None:
    run = make_run()
    request, other = make_request(run), make_request(run, prompt="Other one?")
    make_request(run, prompt="Third one?")
    for n in range(6):
        make_answered({"approved": n % 2 == 0}, by=bob, run=run, prompt=f"Number {n}?")
    decide(bob, other.id, {"approved": False, "comment": "No."}, source="inbox")
    shown = text(desk.get(url(request)))
    assert "3 earlier answers" in shown
    assert "bob rejected “ Other one? ”: No." in shown
    assert "Waiting for this answer, and 1 more" in shown


def test_the_number_of_queries_does_not_grow_with_the_run(
    desk: Client, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    run = make_run()
    request = make_request(run)
    for _ in range(30):
        make_request(run)
        make_answered(YES, by=bob, run=run)
    with django_assert_max_num_queries(18):
        desk.get(url(request))
    with django_assert_max_num_queries(14):
        desk.get(url(request), headers=HTMX)


STATES: dict[str, tuple[Callable[[], InputRequest], str]] = {
    "answered": (lambda: make_answered("My words.", by=make_user("dora")), "dora replied"),
    "by the handler": (lambda: make_answered(YES, by=None), "approved by the workflow itself"),
    "expired": (
        lambda: make_request(make_run(status="failed"), status="expired"),
        "Nobody answered in time",
    ),
    "late": (lambda: make_request(deadline=ago(minutes=3)), "due 3 min ago"),
    "cancelled": (
        lambda: make_request(make_run(status="cancelled"), status="cancelled"),
        "closed without an answer",
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_a_closed_request_remains_readable_and_has_no_form(desk: Client, case: str) -> None:
    make, sentence = STATES[case]
    page = desk.get(url(make()))
    assert page.status_code == 200
    assert sentence in text(page)
    assert "Publish it?" in text(page)
    assert "<form" not in page.content.decode().partition('class="request"')[2]


def test_a_blocked_run_is_explained_and_its_form_kept_for_drafts(desk: Client) -> None:
    page = desk.get(url(make_request(make_run(status="blocked", error={"message": "Step gone."}))))
    assert "This run is blocked" in text(page)
    assert "Step gone." in text(page)
    assert 'name="comment"' in page.content.decode()
    buttons = re.findall(r'value="(?:approve|reject|reply)"\s+(disabled)?', page.content.decode())
    assert buttons == ["disabled"] * 3


def test_a_paused_run_still_accepts_answers(desk: Client) -> None:
    request = make_request(make_run(status="paused"))
    assert "The run is paused" in text(desk.get(url(request)))
    assert desk.post(url(request, "decide/"), {"verdict": "approve"}).status_code == 303


def test_a_person_who_may_not_decide_sees_no_form(alice: User) -> None:
    auditor = desk_of(make_user("auditor", "workflows.view_inputrequest"))
    page = auditor.get(url(make_request()))
    assert "You can read this request, but not answer it" in text(page)
    assert 'name="verdict"' not in page.content.decode()
    own = make_request(make_run(started_by=alice), four_eyes=True)
    assert "You cannot approve your own request" in text(desk_of(alice).get(url(own)))


# --- answered requests ----------------------------------------------------------------------------


def test_answered_requests_are_listed_newest_first(desk: Client, bob: User) -> None:
    old = make_answered(YES, by=bob, at=ago(hours=2), prompt="Old?")
    new = make_answered("Words.", by=bob, prompt="New?")
    make_request(prompt="Open?")
    make_request(make_run(status="cancelled"), status="cancelled", prompt="Dropped?")
    page = desk.get("/requests/answered/")
    html = page.content.decode()
    assert re.findall(r'href="(/requests/[0-9a-f-]{36}/)"', html) == [url(new), url(old)]
    assert "Replied bob" in text(page)
    closed = text(desk.get("/requests/answered/", {"closed": "1"}))
    assert "Dropped?" in closed
    assert "Old?" not in closed


def test_answered_requests_have_pages(
    desk: Client, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    at = timezone.now()
    every = {url(make_answered(YES, by=bob, at=at)) for _ in range(PAGE_SIZE + 5)}
    with django_assert_max_num_queries(14):
        first = desk.get("/requests/answered/", {"q": "publish"}).content.decode()
    found = re.search(r'href="([^"]+)">Older', first)
    assert found
    second = desk.get(found[1].replace("&amp;", "&")).content.decode()
    links = [re.findall(r'href="(/requests/[0-9a-f-]{36}/)"', page) for page in (first, second)]
    assert [len(page) for page in links] == [PAGE_SIZE, 5]
    assert set(links[0]) | set(links[1]) == every


def test_hidden_answered_requests_are_not_listed(bob: User) -> None:
    make_answered(YES, by=bob, prompt="Hidden?")
    assert "Hidden?" not in text(desk_of(make_user("carol")).get("/requests/answered/"))


# --- hostile text -------------------------------------------------------------------------------

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)><a hx-get="/evil">x</a>'


def test_hostile_text_is_escaped(desk: Client, bob: User) -> None:
    payload = {HOSTILE: HOSTILE, "link": "javascript:alert(3)", "rtl": "abc\u202edef"}
    request = make_request(prompt=f"{HOSTILE}\n\u202e{HOSTILE}", payload=payload)
    answered = make_answered({"approved": True, "comment": HOSTILE}, by=bob, prompt=HOSTILE)
    pages: list[HttpResponse] = [
        desk.get(address, headers=headers)  # type: ignore[misc]
        for address in ("/", url(request), url(answered), "/requests/answered/")
        for headers in ({}, HTMX)
    ]
    for page in pages:
        html = page.content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert '<a hx-get="/evil"' not in html
        assert 'href="javascript:' not in html
        assert "\u202e" not in html
