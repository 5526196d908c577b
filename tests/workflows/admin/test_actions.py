"""Actions of the admin use the methods of `WorkflowRun`, and are logged for each run."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db

LIST = "admin:workflows_workflowrun_changelist"


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin", password="demo")


@pytest.fixture
def desk(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def start() -> WorkflowRun:
    return WorkflowRun.objects.start("assistant", {"text": "A text."})


def failed() -> WorkflowRun:
    run = start()
    error = {"kind": "ValueError", "message": "no", "step": "analyze", "traceback": ""}
    WorkflowRun.objects.filter(pk=run.pk).update(
        status="failed", finished_at=timezone.now(), wake_at=None, error=error
    )
    return run


def act(client: Client, action: str, *runs: WorkflowRun) -> list[str]:
    """Apply the action and return the messages of the page that follows."""
    data: dict[str, Any] = {"action": action, "index": 0}
    data["_selected_action"] = [str(run.pk) for run in runs]
    response = client.post(reverse(LIST), data, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


def status(run: WorkflowRun) -> str:
    run.refresh_from_db()
    return run.status


def test_cancel_pause_resume_and_retry_change_the_runs(desk: Client) -> None:
    one, two, broken = start(), start(), failed()
    assert act(desk, "pause", one, two) == [
        "2 runs were paused, or will be when their running steps have ended."
    ]
    assert status(one) == status(two) == "paused"
    assert act(desk, "resume", one) == ["1 run was resumed."]
    assert status(one) == "queued"
    assert act(desk, "cancel", one, two) == ["2 runs were cancelled."]
    assert status(one) == status(two) == "cancelled"
    assert act(desk, "retry", broken) == ["1 run was put back to work."]
    assert status(broken) == "queued"


def test_each_run_is_logged_and_its_journal_names_the_person(desk: Client, admin: User) -> None:
    one, two = start(), start()
    act(desk, "cancel", one, two)
    logged = LogEntry.objects.filter(user=admin).values_list("object_id", flat=True)
    assert set(logged) == {str(one.pk), str(two.pk)}
    assert one.journal.get(kind="cancelled").data["by"] == "admin"
    page = desk.get(reverse("admin:workflows_workflowrun_history", args=[one.pk]))
    assert "Cancel, by an action." in page.content.decode()


def test_the_error_of_one_run_does_not_stop_the_other_runs(desk: Client) -> None:
    ended, open_run = start(), start()
    ended.cancel()
    assert act(desk, "cancel", ended, open_run) == [
        "1 run was cancelled.",
        f"Run {ended.pk} of 'assistant' is cancelled; it cannot be cancelled.",
    ]
    assert status(open_run) == "cancelled"
    assert not LogEntry.objects.filter(object_id=str(ended.pk)).exists()


def test_many_refusals_are_summarised(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.admin.runs.MAX_REFUSALS", 1)
    said = act(desk, "resume", start(), start(), start())
    assert len(said) == 2
    assert said[1] == "2 more runs refused likewise."


def test_an_action_on_too_many_runs_changes_none(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.admin.runs.MAX_RUNS", 1)
    one, two = start(), start()
    assert act(desk, "cancel", one, two) == ["Nothing was done: select 1 runs at most."]
    assert status(one) == status(two) == "queued"


def test_people_with_view_permission_only_see_no_actions() -> None:
    carol = User.objects.create_user("carol", is_staff=True)
    for codename in ("view_workflowrun", "view_inputrequest"):
        carol.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(carol)
    run = start()
    assert 'name="action"' not in client.get(reverse(LIST)).content.decode()
    act(client, "cancel", run)
    assert status(run) == "queued"
