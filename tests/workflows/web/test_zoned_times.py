"""Times with the name of their zone in forms, on pages and on the command line."""

from __future__ import annotations

import json
from datetime import datetime
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.support.clients import desk_of, text, url
from tests.support.factories import make_user, registered
from tests.support.people import again, asked_of
from workflows.engine import StartEvent, StopEvent, Workflow, step
from workflows.models import WorkflowRun
from workflows.web.payload.node import scalar
from workflows.web.payload.zoned_times import zoned_words

SECOND = "2026-10-25T02:30:00+01:00[Europe/Berlin][_fold=1]"
WORDS = "25 October 2026, 02:30 (Europe/Berlin, +01:00)"


class Appointment(StartEvent):
    at: datetime
    others: list[datetime] = []


@step
def finish(event: Appointment) -> StopEvent:
    """Return the time."""
    return StopEvent(result=event.at)


FLOW = Workflow("zoned-pages", [finish])

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (SECOND, WORDS),
        ("2026-10-25T02:30:00+02:00[Europe/Berlin]", WORDS.replace("+01", "+02")),
        ("2026-10-25T12:30:05+01:00[Europe/Berlin]", WORDS.replace("02:30", "12:30:05")),
        ("09:00:00[Europe/Berlin]", "09:00 (Europe/Berlin)"),
        ("2026-10-25T02:30:00[_fold=1]",
         "25 October 2026, 02:30 (the second time that the clock shows it)"),
    ],
)  # fmt: skip
def test_a_zoned_time_is_shown_readably(given: str, shown: str) -> None:
    assert zoned_words(given) == shown
    assert scalar(given).text == shown


@pytest.mark.parametrize(
    "given",
    ["2026-10-25T02:30:00+05:00[Europe/Berlin]", "2026-10-25T02:30:00+01:00[Nowhere/At_All]",
     "a text [sic]", "[]", "2026-10-25T02:30:00+01:00"],
)  # fmt: skip
def test_other_texts_are_shown_unchanged(given: str) -> None:
    assert scalar(given).text == given


def test_run_again_accepts_the_time_that_it_filled_in() -> None:
    starter = make_user("starter", "workflows.view_workflowrun", "workflows.add_workflowrun")
    client = desk_of(starter)
    with registered(FLOW):
        stored = {"at": SECOND, "others": [SECOND]}
        first = WorkflowRun.objects.start(FLOW, stored, by=starter)
        assert first.input == stored
        assert WORDS in text(client.get(first.get_absolute_url()))
        page = client.get(
            reverse("workflows:workflow", args=[FLOW.name]), {"repeats": str(first.id)}
        )
        assert page.content.decode().count(SECOND) == 2
        typed = {"at": SECOND, "others": SECOND, "_key": uuid4(), "_repeats": first.id}
        response = client.post(reverse("workflows:start", args=[FLOW.name]), typed)
        assert response.status_code == 303, text(response)
        assert WorkflowRun.objects.exclude(pk=first.pk).get().input == stored


def test_the_command_line_takes_the_name_of_a_zone() -> None:
    with registered(FLOW):
        call_command(
            "start_run", FLOW.name, "--input", json.dumps({"at": SECOND}), stdout=StringIO()
        )
        assert WorkflowRun.objects.get().input["at"] == SECOND


def test_a_payload_shows_it_readably(desk: Client) -> None:
    request = asked_of(payload={"at": SECOND})
    assert WORDS in text(desk.get(url(request, "")))
    assert again(request).payload == {"at": SECOND}
