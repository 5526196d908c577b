"""Times are shown as relative times, with the exact time of the reader's zone on hover."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.template import engines
from django.utils import timezone

from workflows.templatetags.times import due_time, exact, relative_time, seconds, short_id

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=59), "now"),
        (timedelta(seconds=-5), "now"),
        (timedelta(minutes=4, seconds=50), "4 min"),
        (timedelta(hours=1, minutes=59), "1 h 59 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=23, minutes=59, seconds=59), "23 h 59 min"),
        (timedelta(days=1, hours=23), "1 d 23 h"),
        (timedelta(days=2, hours=5), "2 d 5 h"),
        (timedelta(days=2, minutes=50), "2 d"),
        (timedelta(days=8), "10 November"),
        (timedelta(days=400), "14 October 2025"),
        (timedelta(minutes=-40), "in 40 min"),
    ],
)
def test_a_past_time_is_relative(ago: timedelta, words: str) -> None:
    assert relative_time(NOW - ago, NOW) == words


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(minutes=40), "due in 40 min"),
        (timedelta(hours=1, minutes=59, seconds=59), "due in 1 h 59 min"),
        (timedelta(days=-1, hours=-23), "due 1 d 23 h ago"),
        (timedelta(minutes=-12), "due 12 min ago"),
        (timedelta(seconds=-30), "due now"),
        (timedelta(days=15), "due 3 December"),
    ],
)
def test_a_deadline_is_relative(left: timedelta, words: str) -> None:
    assert due_time(NOW + left, NOW) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (0, "0 s"),
        (0.0042, "4 ms"),
        (0.4, "0.4 s"),
        (1.24, "1.2 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (178, "2 m 58 s"),
        (timedelta(minutes=17, seconds=10), "17 min"),
        (599.6, "10 min"),
        (3599, "1 h"),
        (11100, "3 h 5 min"),
        (timedelta(days=2, hours=4), "2 d 4 h"),
        (timedelta(hours=23, minutes=59, seconds=40), "1 d"),
        (-3, "0 s"),
    ],
)
def test_a_duration_has_words(length: float | timedelta, words: str) -> None:
    assert seconds(length) == words


def test_no_time_gives_no_text() -> None:
    assert [relative_time(None), due_time(None), seconds(None), exact(None), short_id(None)] == [
        ""
    ] * 5


def test_the_element_has_the_exact_time_in_the_readers_zone() -> None:
    source = "{% load times %}{% ago moment %}"
    moment = timezone.now() - timedelta(minutes=4, seconds=10)
    with timezone.override("Europe/Berlin"):
        html = engines["django"].from_string(source).render({"moment": moment})
        title = exact(moment)
    assert html == (
        f'<time datetime="{moment.isoformat()}" title="{title}" data-relative="ago">4 min</time>'
    )
    assert title.endswith(("CET", "CEST"))


def test_a_date_is_no_longer_refreshed() -> None:
    source = "{% load times %}{% ago moment %}{% deadline none %}"
    html = engines["django"].from_string(source).render({"moment": NOW - timedelta(days=900)})
    assert "data-relative" not in html


def test_an_id_is_short_enough_to_read() -> None:
    assert short_id(UUID("8f2c1a00-0000-4000-8000-000000000000")) == "8f2c1a"
