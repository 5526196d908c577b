"""Reads leased runs by one statement, with all rows that their state is computed from."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection

from workflows.models import Delivery, JournalEntry, Snapshot, WorkflowRun
from workflows.sql.json_rows import execute, from_rows, json_table

RUN = WorkflowRun._meta.db_table


@dataclass(slots=True)
class StoredRun:
    """A run, its last snapshot, the journal entries after it, and the pending deliveries."""

    row: WorkflowRun
    snapshot: Snapshot | None
    entries: list[JournalEntry]
    deliveries: list[Delivery]


def read_leased(owner: str, ids: Collection[UUID]) -> list[StoredRun]:
    """Return those of these runs that `owner` has leased. Delayed answers are left out."""
    sent = [{"id": pk, "owner": owner} for pk in ids]
    found = execute(_statement(connection.vendor), WorkflowRun, sent) if sent else []
    rows = from_rows(WorkflowRun, [one[:-3] for one in found])
    return [_stored_run(row, *one[-3:]) for row, one in zip(rows, found, strict=True)]


def _stored_run(row: WorkflowRun, snapshot: Any, entries: Any, deliveries: Any) -> StoredRun:
    return StoredRun(
        row,
        Snapshot(run_id=row.pk, seq=row.snapshot_seq, data=_read(snapshot)) if snapshot else None,
        [
            JournalEntry(run_id=row.pk, seq=seq, kind=kind, step=step, data=_read(data))
            for seq, kind, step, data in _read(entries) or ()
        ],
        [
            Delivery(id=pk, run_id=row.pk, kind=kind, data=_read(data))
            for pk, kind, data in _read(deliveries) or ()
        ],
    )


def _read(value: Any) -> Any:
    """Return JSON as objects. PostgreSQL's driver has read it; SQLite returns texts."""
    return json.loads(value) if isinstance(value, str) else value


@cache
def _statement(vendor: str) -> str:
    columns = ", ".join(f"{RUN}.{field.column}" for field in WorkflowRun._meta.concrete_fields)
    entries = f"""
        SELECT seq, kind, step, data FROM {JournalEntry._meta.db_table}
        WHERE run_id = {RUN}.id AND seq > {RUN}.snapshot_seq ORDER BY seq
    """
    deliveries = f"""
        SELECT id, kind, data FROM {Delivery._meta.db_table}
        WHERE run_id = {RUN}.id AND applied_seq IS NULL AND not_before IS NULL ORDER BY id
    """
    return f"""
        SELECT {columns},
            (SELECT data FROM {Snapshot._meta.db_table}
                WHERE run_id = {RUN}.id AND seq = {RUN}.snapshot_seq),
            ({_as_array(vendor, "seq, kind, step, data", entries)}),
            ({_as_array(vendor, "id, kind, data", deliveries)})
        FROM {RUN}, {json_table(vendor, WorkflowRun, ("id", "owner"))}
        WHERE {RUN}.id = new.id AND {RUN}.lease_owner = new.owner
    """


def _as_array(vendor: str, columns: str, rows: str) -> str:
    """Return a query that reads rows as one JSON array of arrays, in their order."""
    if vendor == "postgresql":
        return f"SELECT json_agg(json_build_array({columns})) FROM ({rows}) AS part"
    return f"SELECT json_group_array(json_array({columns})) FROM ({rows}) AS part"
