"""Runs with a journal as a worker would write it, and the content of pages that show it."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone

from tests.support.factories import (
    make_run,
)
from workflows.models import JournalEntry, Snapshot, WorkflowRun, database_now
from workflows.worker.commit.run_update import RunUpdate


def record(run: WorkflowRun, kind: str, step: str = "", **data: Any) -> None:
    """Add a journal entry, as the worker would."""
    run.seq += 1
    duration = data.pop("duration", None)
    JournalEntry.objects.create(
        run=run, seq=run.seq, kind=kind, step=step, data=data, at=timezone.now(), duration=duration
    )
    run.save()


def begun(**columns: Any) -> WorkflowRun:
    """Return a run with an open request, and with its journal."""
    run = make_run(**columns)
    record(run, "started", event={"type": "StartEvent", "data": {}}, invocations=[1], steps=["ask"])
    error = {"kind": "OSError", "message": "The service was away."}
    record(run, "step_retried", "ask", duration=1.5, invocation=1, attempt=1,
           error=error, due=timezone.now().isoformat())  # fmt: skip
    record(run, "step_completed", "ask", duration=0.5, invocation=1, attempt=2, set={},
           events=[], spawn=[], requests=[])  # fmt: skip
    return run


def suspended(row: WorkflowRun) -> RunUpdate:
    """Return what a worker stores when the leased run waits after its first entry."""
    now = database_now()
    return RunUpdate(
        row.pk, row.fence, delivery_count=row.delivery_count, seq=1,
        status=WorkflowRun.Status.WAITING,
        snapshot_seq=1, signature=row.signature,
        journal=[JournalEntry(run=row, seq=1, kind="started", data={}, at=now)],
        snapshot=Snapshot(run=row, seq=1, format=1, data={}, created_at=now),
    )  # fmt: skip


def body(client: Client, run: WorkflowRun, **headers: str) -> str:
    response = client.get(run.get_absolute_url(), headers=headers or None)
    assert response.status_code == 200
    return response.content.decode()
