"""Frequent queries use indexes in SQLite, whatever the tables contain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals import actions
from approvals.inbox.filters import Filters
from approvals.inbox.queries import ArchivePage
from approvals.models import Draft
from approvals.request_page.collaboration import Collaboration
from tests.support.factories import BARE, make_request, make_reviewer
from tests.support.journals import suspended
from tests.support.people import YES, make_operator
from workflows.models import Delivery, InputRequest, JournalEntry, Snapshot, WorkflowRun
from workflows.sql import scalar_queries
from workflows.web.attention_page import AttentionPage
from workflows.worker.commit import store
from workflows.worker.loading import loader, mailbox
from workflows.worker.sweep import sweep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

VERBS = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}
MODELS = (WorkflowRun, InputRequest, JournalEntry, Snapshot, Delivery, Draft)
LARGE = {model._meta.db_table for model in MODELS}


def scans(work: Callable[[], object]) -> list[str]:
    """Do the work, and return each step of a query plan that scans a whole large table."""
    with CaptureQueriesContext(connection) as queries:
        work()
    statements = [query["sql"] for query in queries.captured_queries]
    planned = [one for one in statements if one.split()[0] in VERBS]
    assert planned
    return [f"{step}: {one}" for one in planned for step in steps(one) if is_scan(step)]


def steps(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return [str(row[3]) for row in cursor.fetchall()]


def is_scan(step: str) -> bool:
    verb, place, *_ = step.split()
    return verb == "SCAN" and place in LARGE


def test_a_scan_is_detected() -> None:
    runs = WorkflowRun.objects.filter(lease_owner="nobody")
    assert len(scans(lambda: list(runs))) == 1
    assert len(scans(lambda: list(runs.order_by("pk")))) == 1


@pytest.mark.parametrize("poison", [True, False])
def test_a_lease_finds_its_runs(poison: bool) -> None:
    WorkflowRun.objects.start(BARE)
    duration, holding = timedelta(seconds=5), [uuid4()]
    assert not scans(
        lambda: loader.lease_and_load(
            "me", limit=5, duration=duration, holding=holding, poison=poison
        )
    )


def test_a_lease_reads_only_due_runs() -> None:
    with CaptureQueriesContext(connection) as queries:
        WorkflowRun.objects.lease("me", limit=5, duration=timedelta(seconds=5))
        WorkflowRun.objects.leasable(timezone.now()).exists()
    for sql in [query["sql"] for query in queries if query["sql"].split()[0] in VERBS]:
        assert any("run_wants (status=? AND" in one and "wake_at<?" in one for one in steps(sql))


def test_the_frequent_queries_of_a_worker_use_indexes() -> None:
    run = make_request().run
    assert not scans(lambda: sweep.run_sweep("me"))
    assert not scans(lambda: mailbox.fetch_mailbox({run.pk: 0}, []))
    assert not scans(lambda: mailbox.deliveries_for([run.pk]))


def test_a_commit_finds_its_runs_by_keys() -> None:
    WorkflowRun.objects.start(BARE)
    [row] = WorkflowRun.objects.lease("me", limit=5, duration=timedelta(seconds=5))
    with CaptureQueriesContext(connection) as queries:
        assert store.store([suspended(row)]).done == {row.pk}
    [update] = [one["sql"] for one in queries if one["sql"].split()[0] == "UPDATE"]
    [found] = [step for step in steps(update) if step.split()[1] == WorkflowRun._meta.db_table]
    assert found.endswith("(id=?)")


def test_an_answer_uses_indexes(alice: User) -> None:
    request = make_request()
    assert not scans(lambda: actions.decide(alice, request.pk, YES, source="inbox"))


def test_the_rows_of_a_run_or_a_person_are_found_by_an_index(alice: User) -> None:
    request = make_request()
    for rows in (
        JournalEntry.objects.filter(run=request.run),
        Snapshot.objects.filter(run=request.run),
        Delivery.objects.filter(run=request.run),
        InputRequest.objects.filter(run=request.run).order_by(),
        InputRequest.objects.filter(answered_by=alice).order_by(),
        WorkflowRun.objects.filter(started_by=alice).order_by(),
        Draft.objects.filter(request=request),
    ):
        assert not scans(partial(list, rows))


@pytest.mark.parametrize(
    ("filters", "index"),
    [({}, "request_oldest"), ({"workflow": BARE.name}, "request_of_workflow")],
    ids=["all", "of one workflow"],
)
def test_pending_requests_are_counted_within_an_index(
    alice: User, filters: dict[str, str], index: str
) -> None:
    waiting = InputRequest.objects.visible_to(alice).pending()
    matching = waiting.filter(Filters(**filters).matching(alice))
    with CaptureQueriesContext(connection) as queries:
        scalar_queries.fetch_scalars(
            {"found": scalar_queries.bounded_count(matching)}, user=alice.pk
        )
    plan = [one for query in queries for one in steps(query["sql"])]
    assert any(f"COVERING INDEX {index}" in one for one in plan), plan


def test_answered_requests_of_one_workflow_are_read_in_index_order(alice: User) -> None:
    request = make_request()
    with CaptureQueriesContext(connection) as queries:
        assert ArchivePage.of(alice, Filters(workflow=BARE.name)).rows == []
        assert Collaboration.of(alice, request).similar == []
    plans = [steps(query["sql"]) for query in queries]
    for way in ("request_answered_of (workflow=?)", "request_same_kind (workflow=? AND event=?)"):
        [plan] = [plan for plan in plans if any(way in step for step in plan)]
        assert not any("TEMP B-TREE" in step for step in plan)


@pytest.mark.parametrize("sees_all", [True, False])
def test_of_all_that_waits_needs_attention_reads_what_may_need_it(sees_all: bool) -> None:
    person = make_operator("olga") if sees_all else make_reviewer("rita")
    make_request(event="Gone")
    with CaptureQueriesContext(connection) as queries:
        assert len(AttentionPage.of(person).unfit) == 1
    plans = [steps(one["sql"]) for one in queries if one["sql"].split()[0] in VERBS]
    table = InputRequest._meta.db_table
    found = [step for plan in plans for step in plan if f" {table} " in step]
    ways = ("request_four_eyes (run_id=", "request_undefaulted (status=", "request_of_schema (work")
    for way in ways:
        assert any(way in step for step in found), found
    [start] = [step for step in found if is_scan(step)]  # its first row only
    assert start == f"SCAN {table} USING INDEX request_of_schema"
