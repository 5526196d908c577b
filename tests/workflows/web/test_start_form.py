"""The list of workflows, and the form that starts a run."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.support.factories import BARE, make_user, registered
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE):
        yield


@pytest.fixture
def starter() -> User:
    return make_user("carol", "workflows.add_workflowrun")


@pytest.fixture
def desk(starter: User, client: Client) -> Client:
    client.force_login(starter)
    return client


def start(client: Client, workflow: str = "assistant", **fields: Any) -> Any:
    headers = fields.pop("headers", None)
    return client.post(f"/workflows/{workflow}/start/", fields, headers=headers)


def test_the_list_has_all_registered_workflows(desk: Client) -> None:
    page = desk.get("/workflows/").content.decode()
    assert "/workflows/assistant/" in page
    assert "Asks for a verdict." in page


def test_a_workflow_shows_its_steps_and_its_form(desk: Client) -> None:
    page = desk.get("/workflows/assistant/").content.decode()
    assert "<code>AssistantStart</code>" in page
    assert 'name="text"' in page
    assert 'type="file"' in page
    assert 'enctype="multipart/form-data"' in page
    assert 'name="_key"' in page


def test_a_run_is_started_from_the_input_of_another(desk: Client, starter: User) -> None:
    earlier = WorkflowRun.objects.start("assistant", {"text": "First\rsecond"}, by=starter)
    page = desk.get(f"/workflows/assistant/?repeats={earlier.id}").content.decode()
    assert f'name="_repeats" value="{earlier.id}"' in page
    assert "Nothing starts until you press Start" in page
    assert WorkflowRun.objects.count() == 1
    start(
        desk, text="First\r\nsecond", _repeats=str(earlier.id)
    )  # a browser sends line breaks in this way
    assert WorkflowRun.objects.exclude(pk=earlier.pk).get().input == earlier.input


@pytest.mark.parametrize("run_id", ["nonsense", str(uuid.UUID(int=1))])
def test_a_run_that_does_not_exist_cannot_be_run_again(desk: Client, run_id: str) -> None:
    assert desk.get(f"/workflows/assistant/?repeats={run_id}").status_code == 404
    assert start(desk, text="x", _repeats=run_id).status_code == 404


def test_a_hidden_run_cannot_be_run_again(desk: Client) -> None:
    hidden = WorkflowRun.objects.start("assistant", {"text": "secret"}, by=make_user("dan"))
    response = desk.get(f"/workflows/assistant/?repeats={hidden.id}")
    assert response.status_code == 404
    assert b"secret" not in response.content


def test_a_workflow_that_is_not_registered_is_not_found(desk: Client) -> None:
    assert desk.get("/workflows/nothing/").status_code == 404
    assert start(desk, "nothing").status_code == 404


def test_the_form_starts_a_run_and_goes_to_it(desk: Client, starter: User) -> None:
    response = start(desk, text="A letter.")
    run = WorkflowRun.objects.get()
    assert (response.status_code, response.headers["Location"]) == (303, run.get_absolute_url())
    assert (run.workflow, run.started_by, run.status) == ("assistant", starter, "queued")
    assert run.input == {"text": "A letter."}


def test_htmx_is_sent_to_the_run(desk: Client) -> None:
    response = start(desk, text="A letter.", headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == WorkflowRun.objects.get().get_absolute_url()


def test_an_uploaded_file_is_used_as_the_text(desk: Client) -> None:
    fields: dict[str, Any] = {"_file.text": SimpleUploadedFile("a.txt", "Grüße.".encode())}
    start(desk, text="", **fields)
    assert WorkflowRun.objects.get().input == {"text": "Grüße."}


def test_an_untyped_workflow_takes_json(desk: Client) -> None:
    start(desk, BARE.name, _json='{"amount": 3, "tags": ["a"]}')
    assert WorkflowRun.objects.get().input == {"amount": 3, "tags": ["a"]}


def test_bad_json_is_refused_with_what_was_typed(desk: Client) -> None:
    response = start(desk, BARE.name, _json='{"amount": ')
    assert response.status_code == 422
    assert "{&quot;amount&quot;: " in response.content.decode()
    assert not WorkflowRun.objects.exists()


def test_input_that_does_not_fit_is_refused_at_its_field(desk: Client) -> None:
    response = start(desk, text="   ")
    page = response.content.decode()
    assert response.status_code == 422
    assert 'aria-invalid="true"' in page
    assert "Not sent yet." in page
    assert not WorkflowRun.objects.exists()


def test_input_beyond_the_limits_is_refused_with_what_was_typed(
    desk: Client, settings: Any
) -> None:
    settings.PAYLOAD_MAX_BYTES = 1000
    response = start(desk, text="word " * 300)
    assert response.status_code == 413
    page = response.content.decode()
    assert "more than the 1,000" in page
    assert "word word word" in page
    assert not WorkflowRun.objects.exists()


def test_input_nested_too_deeply_is_refused(desk: Client) -> None:
    assert start(desk, BARE.name, _json='{"a": ' + "[" * 40 + "]" * 40 + "}").status_code in (
        413,
        422,
    )
    assert not WorkflowRun.objects.exists()


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_characters_that_no_database_can_store_are_refused(desk: Client, text: str) -> None:
    encoded = f"text={'a%00b' if chr(0) in text else 'a%ED%A0%80b'}"
    response = desk.post(
        "/workflows/assistant/start/", encoded, content_type="application/x-www-form-urlencoded"
    )
    runs = WorkflowRun.objects.all()
    assert response.status_code == 422 or "\ufffd" in runs.get().input["text"]


def test_a_double_click_starts_one_run(desk: Client) -> None:
    key = str(uuid.uuid4())
    first, second = (start(desk, text="A letter.", _key=key) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert WorkflowRun.objects.count() == 1


def test_the_same_form_with_other_values_starts_another_run(desk: Client) -> None:
    key = str(uuid.uuid4())
    start(desk, text="A letter.", _key=key)
    assert start(desk, text="Another letter.", _key=key).status_code == 303
    assert WorkflowRun.objects.count() == 2


def test_the_same_key_of_two_people_starts_two_runs(desk: Client, client: Client) -> None:
    key = str(uuid.uuid4())
    start(desk, text="A letter.", _key=key)
    other = Client()
    other.force_login(make_user("dave", "workflows.add_workflowrun"))
    start(other, text="A letter.", _key=key)
    assert WorkflowRun.objects.count() == 2


@pytest.mark.parametrize("key", ["", "nonsense", "k" * 300, "a\x00b", " "])
def test_an_unknown_key_is_named_and_starts_no_run(desk: Client, key: str) -> None:
    refused = start(desk, text="A letter.", _key=key)
    assert refused.status_code == 422
    assert "The idempotency key of this form is not the one it was drawn with." in (
        refused.content.decode()
    )
    assert WorkflowRun.objects.count() == 0
    (anew,) = re.findall(r'name="_key" value="([^"]+)"', refused.content.decode())
    assert start(desk, text="A letter.", _key=anew).status_code == 303


def test_starting_needs_the_permission_and_a_post(client: Client) -> None:
    client.force_login(make_user("dave"))
    assert start(client, text="A letter.").status_code == 403
    page = client.get("/workflows/assistant/").content.decode()
    assert "You have no permission to start runs" in page
    assert 'name="_key"' not in page
    assert client.get("/workflows/assistant/start/").status_code == 405
    assert not WorkflowRun.objects.exists()
