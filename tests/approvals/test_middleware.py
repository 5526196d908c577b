"""Forms above Django's size limit get the page of the request with status 413."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.models import Decision
from tests.support.clients import HTMX, desk_of, text, url
from tests.support.factories import (
    BARE,
    TYPED,
    make_request,
    make_reviewer,
    make_run,
    make_user,
)
from workflows.models import WorkflowRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

WORDS = "x" * 3_000_000
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(params=[False, True], ids=["", "checked tokens"])
def desk(request: pytest.FixtureRequest) -> Client:
    client = Client(enforce_csrf_checks=request.param)
    client.force_login(make_reviewer("alice"))
    return client


def send(client: Client, path: str, **options: Any) -> Any:
    """Post a large form as a browser does, and return the response."""
    body = urlencode({"verdict": "reply", "text": WORDS, "field": WORDS})
    response = client.post(path, body, content_type=FORM, **options)
    assert not Decision.objects.exists()
    return response


@pytest.mark.parametrize("flow", [BARE, TYPED], ids=["bare", "typed"])
def test_a_plain_form_gets_the_page_of_its_request_with_the_reason(desk: Client, flow: Any) -> None:
    request = make_request(make_run(flow))
    response = send(desk, url(request, "decide/"))
    assert response.status_code == 413
    page = response.content.decode()
    assert "the answer is too large" in text(response)
    assert "<html" in page
    assert f'data-open="{request.pk}"' in page
    assert desk.get(url(request)).status_code == 200


def test_a_form_with_a_file_gets_the_page_too(desk: Client) -> None:
    request = make_request()
    response = desk.post(url(request, "decide/"), {"verdict": "reply", "text": WORDS})
    assert response.status_code == 413


def test_htmx_keeps_the_form_and_shows_the_error_beside_the_buttons(desk: Client) -> None:
    response = send(desk, url(make_request(), "decide/"), headers=HTMX)
    assert response.status_code == 413
    assert response["HX-Retarget"] == "[data-draft-note]"
    assert "too large" in text(response)
    assert "<form" not in response.content.decode()


def test_checks_that_precede_the_size_check_come_first_here_too(desk: Client) -> None:
    gone = make_request(make_run(status="cancelled"), status="cancelled")
    assert send(desk, url(gone, "decide/")).status_code == 410
    assert send(desk, url(gone, "decide/"), headers=HTMX).status_code == 410
    assert send(desk, f"/requests/{uuid4()}/decide/").status_code == 404
    stranger = desk_of(make_user("carol"))
    assert send(stranger, url(make_request(), "decide/")).status_code == 404


def test_a_person_who_may_only_read_gets_that_error() -> None:
    reader = User.objects.create_superuser("reader", is_superuser=True)
    request = make_request(make_run(started_by=reader), four_eyes=True)
    assert send(desk_of(reader), url(request, "decide/")).status_code == 403


def test_any_other_form_gets_a_plain_page(desk: Client, client: Client) -> None:
    for asking, path in (
        (desk, f"/workflows/{BARE.name}/start/"),
        (client, "/accounts/login/"),
        (client, url(make_request(), "decide/")),
    ):
        response = send(asking, path)
        assert response.status_code == 413
        assert "Request too large" in text(response)
    assert not any("field" in run.input for run in WorkflowRun.objects.all())
