"""The page shows the deadline, and what happens then."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.factories import BARE, make_reviewer, registered
from tests.support.people import asked_of
from workflows.templatetags.times import clock

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"on_deadline": "fail"}, r"The run fails (at|on .* at) \d\d:\d\d"),
        (
            {"on_deadline": "default", "default_response": {"approved": False}},
            r"Rejected automatically (at|on .* at) \d\d:\d\d",
        ),
        (
            {"on_deadline": "default", "default_response": {"approved": True, "comment": "Late"}},
            r"Approved automatically .* with “Late”",
        ),
        (
            {"on_deadline": "default", "default_response": "No answer"},
            r"Answered automatically .* with “No answer”",
        ),
        ({"on_deadline": "stay_open"}, r"Marked as overdue .*, and stays open"),
    ],
)
def test_the_page_shows_what_happens_at_the_deadline(
    client: Client, columns: dict[str, Any], words: str
) -> None:
    with registered(BARE):
        request = asked_of(deadline=timezone.now() + timedelta(hours=2), **columns)
        client.force_login(make_reviewer("alice"))
        page = client.get(request.get_absolute_url()).content.decode()
    (reported,) = re.findall(r"<span data-at-deadline>(.*?)</span>", page, re.DOTALL)
    assert re.fullmatch(words, reported), reported


def test_a_request_without_a_deadline_shows_no_deadline(client: Client) -> None:
    with registered(BARE):
        request = asked_of()
        client.force_login(make_reviewer("alice"))
        assert b"data-at-deadline" not in client.get(request.get_absolute_url()).content


def test_a_time_of_another_day_names_the_day() -> None:
    now = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
    assert clock(now.replace(hour=17, minute=45), now) == "at 17:45"
    assert clock(now + timedelta(days=15), now) == "on 3 December at 12:00"
    with timezone.override("Asia/Tokyo"):  # it is 21:00 there
        assert clock(now + timedelta(hours=4), now) == "on 19 November at 01:00"
