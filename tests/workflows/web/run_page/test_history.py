"""The history on the page of a run, and its state as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client

from tests.support.clients import desk_of
from tests.support.factories import (
    BARE,
    make_run,
    registered,
)
from tests.support.journals import begun, body, record
from tests.support.people import make_operator

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE):
        yield


@pytest.fixture
def desk() -> Client:
    return desk_of(make_operator("olga"))


def test_the_history_has_pages(desk: Client) -> None:
    run = make_run()
    for number in range(60):
        record(run, "answered", request_id=f"r{number}", by=f"person{number}", source="inbox")
    first = body(desk, run)
    assert "person59" in first
    assert "person20<" not in first
    second = desk.get(f"{run.get_absolute_url()}?before=36").content.decode()
    assert "person34<" in second
    assert "person35<" not in second
    assert "?before=11" in second


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 40, ""])
def test_an_invalid_cursor_of_the_history_gives_its_beginning(desk: Client, before: str) -> None:
    run = begun()
    assert desk.get(run.get_absolute_url(), {"before": before}).status_code == 200


def test_a_name_that_is_a_number_remains_a_name(desk: Client) -> None:
    run = make_run()
    record(run, "paused", by="007")
    assert "<td>007</td>" in body(desk, run)


def test_the_snapshot_is_the_state_at_this_moment(desk: Client) -> None:
    run = begun()
    response = desk.get(f"{run.get_absolute_url()}snapshot.json")
    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.content)["workflow"] == BARE.name
    fragment = desk.get(f"{run.get_absolute_url()}snapshot.json", headers={"HX-Request": "true"})
    assert "<pre" in fragment.content.decode()
