"""Times in a form: the form shows their zone, and they are read in that zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pydantic import AwareDatetime, BaseModel, NaiveDatetime

from approvals.models import Preferences
from tests.support.factories import make_reviewer
from tests.support.replies import posted
from workflows.engine import InputResponseEvent
from workflows.engine.requests.reply import schema_of
from workflows.web.forms import SchemaForm


class Slot(BaseModel):
    meeting: AwareDatetime
    alarm: NaiveDatetime


class SlotReply(InputResponseEvent):
    response: Slot


SCHEMA = schema_of(SlotReply) or {}


def test_a_time_without_a_zone_can_be_answered() -> None:
    with timezone.override("Europe/Berlin"):
        form = SchemaForm(SCHEMA, data=posted(meeting="2026-03-01T09:30", alarm="2026-03-29T02:30"))
        slot = Slot.model_validate(form.answer())
    assert slot.meeting == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
    assert slot.alarm == datetime(2026, 3, 29, 2, 30)
    assert not form.has_errors


def test_a_form_names_its_time_zone() -> None:
    with timezone.override("Europe/Berlin"):
        form = SchemaForm(SCHEMA)
        meeting, alarm = form.fields
    assert form.zone == "Europe/Berlin"
    assert "time in Europe/Berlin" in meeting.help
    assert "without a time zone" in alarm.help


def test_a_time_is_read_in_the_zone_that_the_form_named() -> None:
    data = posted(meeting="2026-03-01T09:30", alarm="2026-03-01T09:30", _zone="America/New_York")
    with timezone.override("Europe/Berlin"):
        form = SchemaForm(SCHEMA, data=data)
        answer = form.answer()
        assert "America/New_York" in form.fields[0].help
    assert answer["meeting"] == "2026-03-01T14:30:00Z"


def test_a_zone_that_does_not_exist_is_not_used() -> None:
    data = posted(meeting="2026-03-01T09:30", alarm="2026-03-01T09:30", _zone="../../etc/passwd")
    with timezone.override("Europe/Berlin"):
        assert SchemaForm(SCHEMA, data=data).zone == "Europe/Berlin"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("chosen", "browser", "shown"),
    [
        ("", "Asia/Tokyo", "Asia/Tokyo"),
        ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"),
        ("", "Nowhere/Land", "UTC"),
        ("", "", "UTC"),
    ],
)
def test_the_zone_is_that_of_the_preferences_or_of_the_browser(
    client: Client, chosen: str, browser: str, shown: str
) -> None:
    alice: User = make_reviewer("alice")
    Preferences.objects.create(user=alice, time_zone=chosen)
    client.force_login(alice)
    client.cookies["timezone"] = browser
    seen = []

    def look(sender: object, **given: object) -> None:
        seen.append(timezone.get_current_timezone_name())

    from django.test.signals import template_rendered

    template_rendered.connect(look)
    client.get("/")
    template_rendered.disconnect(look)
    assert set(seen) == {shown}
