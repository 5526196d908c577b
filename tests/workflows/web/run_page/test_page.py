"""The page of a run: what it shows, who may see it, and its actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support.factories import (
    BARE,
    make_answered,
    make_request,
    make_reviewer,
    make_run,
    make_user,
    registered,
)
from tests.support.journals import begun, body, record
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db

OPERATOR = (
    "workflows.view_workflowrun",
    "workflows.change_workflowrun",
    "workflows.add_workflowrun",
    "workflows.view_inputrequest",
)


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE):
        yield


@pytest.fixture
def operator() -> User:
    return make_user("olga", *OPERATOR)


@pytest.fixture
def desk(operator: User, client: Client) -> Client:
    client.force_login(operator)
    return client


def act(client: Client, run: WorkflowRun, verb: str, **fields: str) -> Any:
    return client.post(f"{run.get_absolute_url()}{verb}/", fields)


def test_the_page_shows_the_status_of_a_run(desk: Client) -> None:
    run = begun(started_by=make_user("carol"))
    request = make_request(run, prompt="Publish the <b>letter</b>?")
    page = body(desk, run)
    assert 'data-status="waiting"' in page
    assert "Waiting for 1 answer" in page
    assert "Publish the &lt;b&gt;letter&lt;/b&gt;?" in page
    assert request.get_absolute_url() in page
    assert "1 waiting" in page
    assert "1 retry" in page
    assert "Attempt 1 failed and will be retried: The service was away." in page
    assert str(run.id) in page
    assert "carol" in page


def test_a_person_without_permission_finds_no_run(client: Client) -> None:
    run = begun()
    client.force_login(make_user("mallory", "workflows.change_workflowrun"))
    assert client.get(run.get_absolute_url()).status_code == 404
    assert client.get(f"{run.get_absolute_url()}snapshot.json").status_code == 404
    assert act(client, run, "cancel").status_code == 404
    run.refresh_from_db()
    assert run.status == "waiting"


def test_the_person_who_started_a_run_sees_it_and_may_not_control_it(client: Client) -> None:
    carol = make_user("carol")
    run = begun(started_by=carol)
    client.force_login(carol)
    page = body(client, run)
    assert "do-cancel" not in page
    assert act(client, run, "cancel").status_code == 403
    assert "do-again" not in page


def test_a_reviewer_sees_the_runs_of_visible_requests(client: Client) -> None:
    request = make_request()
    client.force_login(make_reviewer("bob"))
    assert client.get(request.run.get_absolute_url()).status_code == 200
    assert client.get(make_run().get_absolute_url()).status_code == 404


def test_without_a_login_the_page_leads_to_it(client: Client) -> None:
    response = client.get(begun().get_absolute_url())
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    ("status", "verbs"),
    [
        ("queued", {"pause", "cancel"}),
        ("running", {"pause", "cancel"}),
        ("waiting", {"pause", "cancel"}),
        ("paused", {"resume", "cancel"}),
        ("blocked", {"retry", "cancel"}),
        ("failed", {"retry", "again"}),
        ("completed", {"again"}),
        ("cancelled", {"again"}),
    ],
)
def test_only_possible_actions_are_offered(desk: Client, status: str, verbs: set[str]) -> None:
    page = body(desk, make_run(status=status))
    everything = ("pause", "resume", "retry", "again", "cancel")
    assert {verb for verb in everything if f'id="do-{verb}"' in page} == verbs


@pytest.mark.parametrize(
    ("before", "verb", "after"),
    [
        ("waiting", "cancel", "cancelled"),
        ("waiting", "pause", "paused"),
        ("paused", "resume", "queued"),
        ("failed", "retry", "queued"),
    ],
)
def test_an_action_changes_the_run_and_returns_to_it(
    desk: Client, before: str, verb: str, after: str
) -> None:
    run = make_run(status=before)
    response = act(desk, run, verb)
    assert (response.status_code, response.headers["Location"]) == (303, run.get_absolute_url())
    run.refresh_from_db()
    assert run.status == after
    assert run.journal.get().data["by"] == "olga"


def test_run_again_leads_to_the_start_form_and_starts_nothing(desk: Client) -> None:
    run = make_run(status="completed", input={"text": "what it was"})
    (address,) = re.findall(r'id="do-again" href="([^"]+)"', body(desk, run))
    page = desk.get(address).content.decode()
    assert "what it was" in page
    assert f'name="_repeats" value="{run.id}"' in page
    assert WorkflowRun.objects.count() == 1


def test_a_long_error_is_folded_and_a_short_one_is_not(desk: Client) -> None:
    long = {"step": "ask", "kind": "ValueError", "message": "word " * 400}
    page = body(desk, make_run(status="failed", error=long))
    assert '<details id="error-whole"' in page
    assert page.count("word ") > 400
    assert "error-whole" not in body(
        desk, make_run(status="failed", error={**long, "message": "word"})
    )


def test_an_action_that_is_too_late_is_refused_and_the_page_shown(desk: Client) -> None:
    run = make_run(status="completed")
    response = act(desk, run, "cancel")
    assert response.status_code == 409
    page = response.content.decode()
    assert "is completed; it cannot be cancelled" in page
    assert 'data-status="completed"' in page


def test_a_run_of_an_unregistered_workflow_cannot_be_run_again(desk: Client) -> None:
    run = make_run(status="completed")
    WorkflowRun.objects.filter(pk=run.pk).update(workflow="gone")
    assert "do-again" not in body(desk, run)


def test_other_actions_and_get_requests_are_refused(desk: Client) -> None:
    run = make_run()
    assert act(desk, run, "delete").status_code == 404
    assert desk.get(f"{run.get_absolute_url()}cancel/").status_code == 405
    assert desk.post("/runs/------------------------------------/cancel/").status_code == 404
    run.refresh_from_db()
    assert run.status == "waiting"


def test_a_failed_run_shows_the_error_message_the_step_and_the_traceback(desk: Client) -> None:
    error = {"kind": "ValueError", "message": "No <such> thing.", "step": "ask",
             "traceback": "Traceback: line 3"}  # fmt: skip
    page = body(desk, make_run(status="failed", error=error))
    assert "No &lt;such&gt; thing." in page
    assert "<code>ask</code>, ValueError" in page
    assert "Traceback: line 3" in page


def test_a_completed_run_shows_its_result(desk: Client) -> None:
    page = body(desk, make_run(status="completed", result={"outcome": "published"}))
    assert "published" in page
    assert "every 15s" not in page


def test_progress_is_a_bar_until_the_run_ends(desk: Client) -> None:
    progress = {"fraction": 0.4, "text": "38 of 41 claims"}
    page = body(desk, make_run(status="running", progress=progress))
    assert 'value="0.4"' in page
    assert "38 of 41 claims" in page
    assert "<progress" not in body(desk, make_run(status="completed", progress=progress))


def test_a_run_of_an_unregistered_workflow_is_shown_without_a_graph(desk: Client) -> None:
    run = begun()
    WorkflowRun.objects.filter(pk=run.pk).update(workflow="gone")
    page = body(desk, run)
    assert "No workflow named <b>gone</b> is registered here" in page


def test_htmx_gets_only_the_live_sections(desk: Client) -> None:
    run = begun()
    fragment = body(desk, run, **{"HX-Request": "true"})
    assert "<html" not in fragment
    assert 'id="run-head"' in fragment
    assert fragment.count('hx-swap-oob="true"') == fragment.count("data-section")


def test_a_history_restore_gets_the_full_page(desk: Client) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in body(desk, begun(), **headers)


def test_queries_do_not_grow_with_the_run(
    desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    run = begun()
    bob = make_reviewer("bob")
    for number in range(12):
        make_request(run, prompt=f"Question {number}?")
        make_answered({"approved": True}, by=bob, run=run)
        record(run, "step_completed", "finish", duration=0.1, invocation=number, attempt=1)
    with django_assert_max_num_queries(11):
        body(desk, run, **{"HX-Request": "true"})


def test_open_requests_are_listed_up_to_a_limit(desk: Client) -> None:
    run = make_run()
    for number in range(70):
        make_request(run, created_at=run.created_at + timedelta(seconds=number))
    page = body(desk, run)
    assert "and 40 more" in page  # open requests beyond thirty
    assert "and 10 more" in page  # rows beyond sixty
    assert "Waiting for 70 answers" in page
