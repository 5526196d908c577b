"""The frequent queries of a worker use indexes in PostgreSQL that skip entries of old rows.

A run that was queued or running leaves an entry in each index until the next VACUUM. PostgreSQL
begins the VACUUM of a large table when a fifth of it has changed. Only a scan in the order of an
index skips such entries and removes them; a bitmap scan reads all of them, every time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import AutoField, Model
from django.test.utils import CaptureQueriesContext

from tests.support.factories import BARE, make_run
from tests.support.journals import suspended
from workflows.models import Delivery, JournalEntry, Snapshot, WorkflowRun, database_now
from workflows.worker.commit import store
from workflows.worker.loading import mailbox
from workflows.worker.loading.history import read_leased

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable", "old")]

LEASE = timedelta(seconds=5)
OLD = 10_000
YOUNG = 2_000  # rows of a table without statistics
BY_KEY = "Index Scan workflows_workflowrun_pkey"


@pytest.fixture
def old(request: pytest.FixtureRequest) -> None:
    """Fill the tables with ended runs, and run ANALYZE if there are many."""
    count, now = getattr(request, "param", OLD), database_now()
    run = make_run(status="completed", finished_at=now)
    Snapshot.objects.create(run=run, seq=2, format=1, data={})
    Delivery.objects.create(run=run, kind="answer", data={}, applied_seq=2)
    JournalEntry.objects.create(run=run, seq=2, kind="completed", data={}, at=now)
    repeat(WorkflowRun, f"generate_series(2, {count})", id="gen_random_uuid()")
    for model in (Snapshot, Delivery, JournalEntry):
        runs = f"{WorkflowRun._meta.db_table} AS run WHERE run.id <> one.run_id"
        repeat(model, runs, run_id="run.id")
    if count == OLD:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def repeat(model: type[Model], beside: str, **given: str) -> None:
    """Insert a copy of the only row of a table for each row of another table, with other values."""
    table = model._meta.db_table
    names = [one.attname for one in model._meta.concrete_fields if not isinstance(one, AutoField)]
    values = [given.get(name, f"one.{name}") for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) "
            f"SELECT {', '.join(values)} FROM {table} AS one, {beside}"
        )


def reads(work: Callable[[], object]) -> list[str]:
    """Do the work. Return how its tables are read, as "Index Scan run_wants", and each "Sort"."""
    with CaptureQueriesContext(connection) as queries:
        work()
    found = []
    for query in queries.captured_queries:
        if query["sql"].split()[0] in {"SELECT", "UPDATE", "DELETE", "WITH"}:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {query['sql']}")
                found += list(scans(cursor.fetchone()[0][0]["Plan"]))
    return found


def scans(node: dict[str, Any]) -> Iterator[str]:
    kind, place = node["Node Type"], node.get("Index Name") or node.get("Relation Name")
    if kind == "Sort":
        yield kind
    elif kind.endswith("Scan") and place:
        yield f"{kind} {place}"
    for child in node.get("Plans", ()):
        yield from scans(child)


def test_a_lease_reads_in_the_order_of_the_index() -> None:
    WorkflowRun.objects.start(BARE)
    found = reads(
        lambda: WorkflowRun.objects.lease("me", limit=5, duration=LEASE, holding=[uuid4()])
    )
    assert Counter(found) == {"Index Scan run_wants": 4, "Sort": 1, BY_KEY: 1}


def test_the_runs_that_a_worker_has_are_found_by_their_keys() -> None:
    run = WorkflowRun.objects.start(BARE)
    [row] = WorkflowRun.objects.lease("me", limit=5, duration=LEASE)
    write = suspended(row)
    assert reads(lambda: mailbox.fetch_mailbox({run.pk: 0}, [])) == [BY_KEY]
    renewed = reads(lambda: WorkflowRun.objects.renew("me", [run.pk], database_now()))
    assert set(renewed) == {BY_KEY}
    assert Counter(reads(lambda: store.store([write]))) == {BY_KEY: 2, "Sort": 1}
    run.refresh_from_db()
    assert run.status == "waiting"


@pytest.mark.parametrize("old", [OLD, YOUNG], indirect=True)
def test_the_rows_of_a_run_are_found_by_the_run() -> None:
    run = WorkflowRun.objects.start(BARE)
    WorkflowRun.objects.lease("me", limit=5, duration=LEASE)
    found = reads(lambda: read_leased("me", [run.pk]))
    found += reads(lambda: mailbox.deliveries_for([run.pk]))
    assert {one for one in found if one != "Sort"} == {
        BY_KEY,
        "Index Scan snapshot_once_per_seq",
        "Index Scan journal_once_per_seq",
        "Index Scan delivery_by_run",
    }
