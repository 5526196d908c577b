"""Limits for each person and minute. A refused form keeps its text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from approvals import actions
from approvals.errors import RateLimited
from approvals.models import Comment, Draft
from tests.support.clients import desk_of
from tests.support.factories import BARE, make_answered, make_request, make_run, make_user
from workflows.models import InputRequest, Usage, WorkflowRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

FRAGMENT = {"HX-Request": "true"}


def at(name: str, request: InputRequest) -> str:
    return reverse(f"approvals:{name}", args=[request.pk])


@pytest.fixture(autouse=True)
def low_limits(settings: Settings) -> None:
    settings.COMMENTS_PER_MINUTE = settings.CLAIMS_PER_MINUTE = 2
    settings.DRAFTS_PER_MINUTE = settings.STARTS_PER_MINUTE = 2


def test_comments_of_one_person_are_limited_and_the_text_is_kept(
    desk: Client, bob: User, settings: Settings
) -> None:
    request = make_request()
    for n in range(2):
        assert desk.post(at("comments", request), {"said": f"word {n}"}).status_code == 303
    for headers in ({}, FRAGMENT):
        answer = desk.post(at("comments", request), {"said": "one more"}, headers=headers)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert "one more</textarea>" in answer.content.decode()
        assert "more than 2 comments within a minute" in answer.content.decode()
    assert Comment.objects.count() == 2
    assert desk_of(bob).post(at("comments", request), {"said": "mine"}).status_code == 303


@pytest.mark.django_db(transaction=True)
def test_first_requests_at_the_same_moment_are_all_counted(settings: Settings) -> None:
    settings.STARTS_PER_MINUTE = 1000
    for number in range(10):
        user = make_user(f"first-{number}")
        barrier = Barrier(6)

        def take(user: User = user, barrier: Barrier = barrier) -> None:
            barrier.wait()
            try:
                Usage.objects.take(user, Usage.Kind.STARTS)
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            for one in [pool.submit(take) for _ in range(6)]:
                one.result()
        # Six, or fewer if a minute ended between them.
        assert 1 <= Usage.objects.get(user=user).number <= 6


def test_each_minute_is_counted_separately(desk: Client, alice: User) -> None:
    request = make_request()
    for _ in range(2):
        actions.claim(alice, request.pk)
    with pytest.raises(RateLimited):
        actions.claim(alice, request.pk)
    Usage.objects.update(minute=F("minute") - timedelta(minutes=1))
    actions.claim(alice, request.pk)
    assert Usage.objects.get().number == 1


def test_claims_are_limited(desk: Client) -> None:
    request = make_request()
    codes = [desk.post(at("claim", request)).status_code for _ in range(3)]
    assert codes == [303, 303, 429]


def test_drafts_are_limited_and_the_last_kept(desk: Client) -> None:
    request = make_request()
    answers = [
        desk.post(at("draft", request), {"comment": f"{n}"}, headers=FRAGMENT) for n in range(3)
    ]
    assert [one.status_code for one in answers] == [204, 204, 429]
    assert "Retry-After" in answers[2].headers
    assert Draft.objects.get().data == {"comment": ["1"]}


def test_starts_are_limited_and_the_form_is_kept() -> None:
    desk = desk_of(make_user("sam", "workflows.add_workflowrun", "workflows.view_workflowrun"))
    address = reverse("workflows:start", args=[BARE.name])
    assert [desk.post(address).status_code for _ in range(2)] == [303, 303]
    for headers in ({}, FRAGMENT):
        answer = desk.post(address, headers=headers)
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
        assert "more than 2 starts within a minute" in answer.content.decode()
    assert WorkflowRun.objects.count() == 2


def test_decisions_are_not_limited(desk: Client) -> None:
    for _ in range(5):
        answer = desk.post(at("decide", make_request()), {"verdict": "approve"})
        assert answer.status_code == 303


def test_zero_means_no_limit(desk: Client, settings: Settings) -> None:
    settings.COMMENTS_PER_MINUTE = 0
    request = make_request()
    codes = {desk.post(at("comments", request), {"said": "x"}).status_code for _ in range(5)}
    assert codes == {303}
    assert not Usage.objects.exists()


@pytest.mark.parametrize(
    ("columns", "status"), [({"status": "expired"}, 410), ({"status": "cancelled"}, 410), ({}, 409)]
)
def test_a_closed_request_accepts_no_comment(
    desk: Client, bob: User, columns: dict[str, Any], status: int
) -> None:
    request = make_request(**columns) if columns else make_answered({"approved": True}, by=bob)
    for headers in ({}, FRAGMENT):
        answer = desk.post(at("comments", request), {"said": "But I <meant>"}, headers=headers)
        assert answer.status_code == status
        assert "But I &lt;meant&gt;</textarea>" in answer.content.decode()
        assert "no longer takes comments" in answer.content.decode()
    assert not Comment.objects.exists()


def test_a_request_of_an_ended_run_takes_no_comment_but_one_of_a_blocked_run_does(
    desk: Client,
) -> None:
    ended = make_request(make_run(status="failed"))
    assert desk.post(at("comments", ended), {"said": "x"}).status_code == 410
    blocked = make_request(make_run(status="blocked"))
    assert desk.post(at("comments", blocked), {"said": "x"}).status_code == 303
