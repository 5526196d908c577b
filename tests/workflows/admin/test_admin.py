"""The admin shows all rows of a run, and nobody can change them there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from approvals.models import Comment, Decision, Preferences
from workflows.models import (
    Delivery,
    InputRequest,
    JournalEntry,
    Route,
    Snapshot,
    WorkerHeartbeat,
    WorkflowRun,
)

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
HISTORY = ["workflowrun", "snapshot", "journalentry", "inputrequest", "delivery", "workerheartbeat"]
PAGES = [*(f"workflows_{name}" for name in HISTORY), "approvals_decision"]


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin", password="demo")


@pytest.fixture
def desk(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def make_rows(by: User, count: int = 1) -> list[Any]:
    """Make runs with one row of each model, and return the rows of the last run."""
    now = timezone.now()
    rows: list[Any] = []
    for _ in range(count):
        run = WorkflowRun.objects.start("assistant", {"text": HOSTILE}, by=by)
        request = InputRequest.objects.create(
            run=run, request_id="r1", event="Ask", step="review", prompt=f"Publish {HOSTILE}?",
            payload={"note": HOSTILE}, status="answered", response={"approved": True},
            answered_by=by, source="inbox", created_at=now, answered_at=now,
        )  # fmt: skip
        rows = [
            run,
            Snapshot.objects.create(run=run, seq=1, format=1, data={"queue": [HOSTILE]}),
            JournalEntry.objects.create(run=run, seq=1, kind="started", data={"x": "1"}, at=now),
            request,
            Delivery.objects.create(run=run, kind="answer", data={"request_id": "r1"}),
            Decision.objects.create(
                request=request, by=by, at=now, response={"approved": True}, source="inbox"
            ),
        ]
    worker, _ = WorkerHeartbeat.objects.get_or_create(
        id="host-1", defaults={"started_at": now, "seen_at": now}
    )
    return [*rows, worker]


def page_of(row: Any, page: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def test_every_list_page_and_history_is_there(desk: Client, admin: User) -> None:
    for row in make_rows(admin):
        for page in ("change", "history"):
            assert desk.get(page_of(row, page)).status_code == 200, (row, page)
    for name in PAGES:
        assert desk.get(reverse(f"admin:{name}_changelist")).status_code == 200, name


def test_history_can_be_neither_added_nor_changed_nor_deleted(desk: Client, admin: User) -> None:
    for row in make_rows(admin):
        before = type(row)._default_manager.filter(pk=row.pk).values().get()
        meta = row._meta
        add = reverse(f"admin:{meta.app_label}_{meta.model_name}_add")
        assert desk.get(add).status_code == 403, meta.label
        assert desk.post(page_of(row), {"step": "other"}).status_code == 403, meta.label
        assert desk.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403, meta.label
        assert type(row)._default_manager.filter(pk=row.pk).values().get() == before


def test_nobody_can_delete_decisions_by_an_action(desk: Client, admin: User) -> None:
    decision = make_rows(admin)[5]
    desk.post(
        reverse("admin:approvals_decision_changelist"),
        {"action": "delete_selected", "_selected_action": [decision.pk], "index": 0, "post": 1},
    )
    assert Decision.objects.filter(pk=decision.pk).exists()


def test_untrusted_text_is_escaped_on_every_page(desk: Client, admin: User) -> None:
    rows = make_rows(admin)
    addresses = [page_of(row) for row in rows]
    addresses += [reverse(f"admin:{name}_changelist") for name in PAGES]
    for address in addresses:
        assert HOSTILE not in desk.get(address).content.decode(), address
    run_page = desk.get(page_of(rows[0])).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in run_page


def test_marks_that_reorder_text_are_shown_by_their_code_point(desk: Client, admin: User) -> None:
    run = WorkflowRun.objects.start("assistant", {"text": "pay \u202e000,1 now"}, by=admin)
    page = desk.get(page_of(run)).content.decode()
    assert "pay ⟨U+202E⟩000,1 now" in page


def test_no_page_of_the_admin_hides_a_character(desk: Client, admin: User) -> None:
    rows = make_rows(admin)
    hidden = "pay\u00ad\u034f\u115f\u180e\u2064\ufe05\U0001d173\U000e0041 now"
    InputRequest.objects.filter(pk=rows[3].pk).update(prompt=hidden, step=hidden, tags=[hidden])
    addresses = [page_of(rows[3]), page_of(rows[3], "history"), page_of(rows[5])]
    addresses += [reverse(f"admin:{name}_changelist") for name in PAGES]
    for address in addresses:
        page = desk.get(address).content.decode()
        assert not set(hidden[3:11]) & set(page), address
    assert "pay⟨U+00AD⟩⟨U+034F⟩" in desk.get(page_of(rows[3])).content.decode()


def test_a_very_long_value_is_cut_with_the_length_of_the_rest(desk: Client, admin: User) -> None:
    run = WorkflowRun.objects.start("assistant", {"text": "ok"}, by=admin)
    row = Snapshot.objects.create(run=run, seq=1, format=1, data={"text": "x" * 150_000})
    page = desk.get(page_of(row)).content.decode()
    assert len(page) < 130_000
    assert "characters more" in page


def test_the_error_of_a_run_shows_its_traceback_in_lines(desk: Client, admin: User) -> None:
    run = WorkflowRun.objects.start("assistant", {"text": "ok"}, by=admin)
    error = {"kind": "ValueError", "message": "no", "step": "a", "traceback": "line 1\nline 2"}
    WorkflowRun.objects.filter(pk=run.pk).update(
        status="failed", finished_at=timezone.now(), wake_at=None, error=error
    )
    assert "line 1\nline 2" in desk.get(page_of(run)).content.decode()


def test_a_run_links_to_all_that_belongs_to_it(desk: Client, admin: User) -> None:
    make_rows(admin)  # another run; the search must not find its rows
    run = make_rows(admin)[0]
    page = desk.get(page_of(run)).content.decode()
    for name, lookup in [
        ("workflows_inputrequest", "run__id__exact"),
        ("workflows_journalentry", "run__id__exact"),
        ("workflows_snapshot", "run__id__exact"),
        ("workflows_delivery", "run__id__exact"),
        ("approvals_decision", "request__run__id__exact"),
    ]:
        address = f"{reverse(f'admin:{name}_changelist')}?{lookup}={run.pk}"
        assert f'href="{address}"' in page
        response = desk.get(address)
        assert response.status_code == 200
        assert response.context["cl"].result_count == 1, name


def test_a_request_links_to_its_run_and_its_decision(desk: Client, admin: User) -> None:
    run, _, _, request, *_ = make_rows(admin)
    page = desk.get(page_of(request)).content.decode()
    assert f'href="{page_of(run)}"' in page
    decisions = reverse("admin:approvals_decision_changelist")
    assert f'href="{decisions}?request__id__exact={request.pk}"' in page


def test_an_id_finds_its_rows_and_half_an_id_finds_none(desk: Client, admin: User) -> None:
    make_rows(admin)
    run, _, _, request, *_ = make_rows(admin)
    for name, term in [
        ("workflows_workflowrun", run.pk),
        ("workflows_workflowrun", request.pk),
        ("workflows_journalentry", run.pk),
        ("workflows_snapshot", run.pk),
        ("workflows_delivery", run.pk),
        ("workflows_inputrequest", request.pk),
        ("workflows_inputrequest", run.pk),
        ("approvals_decision", request.pk),
        ("approvals_decision", run.pk),
    ]:
        address = reverse(f"admin:{name}_changelist")
        assert desk.get(address, {"q": f" {term} "}).context["cl"].result_count == 1, name
        assert desk.get(address, {"q": str(term)[:13]}).context["cl"].result_count == 0, name


def test_words_find_runs_requests_and_decisions(desk: Client, admin: User) -> None:
    make_rows(admin)
    for name, term in [
        ("workflows_workflowrun", "assist"),
        ("workflows_workflowrun", "admin"),
        ("workflows_inputrequest", "publish"),
        ("approvals_decision", "publish"),
    ]:
        address = reverse(f"admin:{name}_changelist")
        assert desk.get(address, {"q": term}).context["cl"].result_count == 1, (name, term)
        assert desk.get(address, {"q": "zebra"}).context["cl"].result_count == 0, name


def test_filters_narrow_the_lists(desk: Client, admin: User) -> None:
    make_rows(admin)
    for name, filters in [
        ("workflows_workflowrun", {"status__exact": "queued"}),
        ("workflows_workflowrun", {"workflow": "assistant"}),
        ("workflows_journalentry", {"kind": "started"}),
        ("workflows_delivery", {"applied_seq__isempty": "1"}),
        ("workflows_inputrequest", {"status__exact": "answered"}),
    ]:
        address = reverse(f"admin:{name}_changelist")
        assert desk.get(address, filters).context["cl"].result_count == 1, filters
    address = reverse("admin:workflows_journalentry_changelist")
    assert desk.get(address, {"kind": "failed"}).context["cl"].result_count == 0


@pytest.mark.parametrize("name", PAGES)
def test_a_list_needs_the_same_number_of_queries_for_one_row_and_for_many(
    name: str,
    desk: Client,
    admin: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    address = reverse(f"admin:{name}_changelist")
    make_rows(admin)
    desk.get(address)
    make_rows(admin, 15)
    with django_assert_max_num_queries(9) as queries:
        desk.get(address)
    documents = ('"data"', '."input"', '."payload"')
    listed = [query["sql"] for query in queries if "LIMIT 50" in query["sql"]]
    assert not [sql for sql in listed for document in documents if document in sql]


def test_a_list_counts_rows_only_up_to_a_limit(
    desk: Client, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rows(admin, 4)
    monkeypatch.setattr("workflows.admin.read_only.COUNT_LIMIT", 3)
    response = desk.get(reverse("admin:workflows_journalentry_changelist"))
    assert response.context["cl"].result_count == 3
    assert "the newest 3 journal entries" in " ".join(response.content.decode().split())


def test_preferences_keep_their_person_but_not_a_wrong_time_zone(desk: Client, admin: User) -> None:
    row = Preferences.objects.create(user=admin)
    assert desk.post(page_of(row), {"time_zone": "Mars/Olympus"}).status_code == 200
    assert desk.post(page_of(row), {"time_zone": "Europe/Vienna"}).status_code == 302
    row.refresh_from_db()
    assert row.time_zone == "Europe/Vienna"


def test_staff_without_permissions_see_no_runs(admin: User) -> None:
    run = make_rows(admin)[0]
    client = Client()
    client.force_login(User.objects.create_user("carol", is_staff=True))
    assert client.get(page_of(run)).status_code == 403
    assert client.get(reverse("admin:workflows_workflowrun_changelist")).status_code == 403


def test_a_route_can_be_edited_and_offers_existing_names(desk: Client, admin: User) -> None:
    add = reverse("admin:workflows_route_add")
    for wrong in (
        {"workflow": "no-such-workflow", "priority": 3},
        {"workflow": "assistant", "event": "NoSuchRequest", "priority": 3},
        {"workflow": "assistant"},
    ):
        assert desk.post(add, wrong).status_code == 200
    assert desk.post(add, {"workflow": "assistant", "users": [admin.pk]}).status_code == 302
    assert Route.objects.get().users.get() == admin


def test_a_request_is_shown_with_its_assignees(desk: Client, admin: User) -> None:
    request = make_rows(admin)[3]
    assert "all reviewers" in desk.get(page_of(request)).content.decode()
    request.assignments.create(user=admin)
    InputRequest.objects.update(assigned=True)
    page = desk.get(page_of(request)).content.decode()
    assert "all reviewers" not in page
    comment = Comment.objects.create(request=request, by=admin, at=timezone.now(), text=HOSTILE)
    page = desk.get(page_of(comment)).content.decode()
    assert HOSTILE not in page
    assert "alert(1)" in page
