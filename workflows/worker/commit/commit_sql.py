"""The statements of a commit: one for each kind of row, for all of its runs.

On PostgreSQL these are parts of one statement, so a commit is one round trip, without BEGIN and
COMMIT. SQLite executes them one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models

from workflows.models import Assignment, Delivery, InputRequest, JournalEntry, Snapshot, WorkflowRun
from workflows.sql.json_rows import execute, insert_sql, json_table, row_values, to_json
from workflows.worker.commit.run_update import RunUpdate

GUARDS = ("id", "fence", "delivery_count")
RUN, DELIVERY = WorkflowRun._meta.db_table, Delivery._meta.db_table
REQUEST = InputRequest._meta.db_table

# GOES_ON sets the columns that change for every run. SUSPENDS also sets those that change only when
# a run is suspended. PostgreSQL uses SUSPENDS for all runs. SQLite uses both, because two of the
# additional columns are in indexes, and SQLite writes the index of each column that is set, even
# if its value stays the same.
GROWS = ("seq", "snapshot_seq", "signature", "result", "error", "progress")
STORED = (*GROWS, "status", "finished_at", "wake_at")
GOES_ON = f"""
    {", ".join(f"{name} = new.{name}" for name in GROWS)},
    crash_count = CASE WHEN new.seq > {RUN}.seq THEN 0 ELSE {RUN}.crash_count END,
    incompatible_builds = CASE WHEN new.seq > {RUN}.seq THEN '' ELSE {RUN}.incompatible_builds END
"""
SUSPENDS = f"""
    {GOES_ON}, status = new.status, finished_at = new.finished_at,
    wake_at = CASE WHEN new.status = 'running' THEN {RUN}.wake_at ELSE new.wake_at END,
    lease_owner = CASE WHEN new.status = 'running' THEN {RUN}.lease_owner ELSE '' END
"""
UPDATE = f"""
    UPDATE {RUN} SET {{sets}} FROM {{new}}
    WHERE {RUN}.id = new.id AND {{row}}.fence = new.fence AND {{row}}.status = 'running'
        AND (new.delivery_count = -1 OR {{row}}.delivery_count = new.delivery_count)
        AND {{row}}.id = new.id
    RETURNING {RUN}.id
"""
APPLIED = (
    f"UPDATE {DELIVERY} SET applied_seq = new.applied_seq FROM {{new}} "
    f"WHERE {DELIVERY}.id = new.id AND {{kept}}"
)
CLOSED = (
    f"UPDATE {REQUEST} SET status = 'cancelled' FROM {{new}} "
    f"WHERE {REQUEST}.run_id = new.run_id AND {REQUEST}.status = 'pending' AND {{kept}}"
)


class Part(NamedTuple):
    """Rows to insert or to change, for the runs that the UPDATE has stored.

    `sql` reads the rows from `{new}`, and uses those that meet the condition `{kept}`. Each row
    has the id of its run as `of_run`.
    """

    model: type[models.Model]
    sql: str
    values: list[dict[str, Any]]

    def of(self, runs: set[UUID]) -> list[dict[str, Any]]:
        """Return the rows of these runs."""
        return [one for one in self.values if UUID(one["of_run"]) in runs]

    def statement(self, kept: str) -> str:
        """Return the statement for this database."""
        names = tuple(self.values[0])
        return self.sql.format(new=json_table(connection.vendor, self.model, names), kept=kept)


Assigned = Iterable[tuple[UUID, Assignment]]  # by run


def write_rows(updates: Sequence[RunUpdate], assignments: Assigned) -> set[UUID]:
    """Store each update whose `fence` is that of the run, with all its rows; return the run ids.

    The end of the lease of a run that continues is not changed: another thread renews it.
    """
    parts = [part for part in _parts(updates, assignments) if part.values]
    runs = list(map(_run_values, updates))
    found = (_at_once if connection.vendor == "postgresql" else _one_by_one)(runs, parts)
    return set(found)


def _at_once(runs: list[dict[str, Any]], parts: Sequence[Part]) -> Iterator[UUID]:
    kept = "CAST(new.of_run AS uuid) IN (SELECT id FROM done)"
    tables = [_done(), *(f"part{n} AS ({one.statement(kept)})" for n, one in enumerate(parts))]
    texts = [to_json(WorkflowRun, runs), *(to_json(part.model, part.values) for part in parts)]
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(tables)} SELECT id FROM done", texts)
        yield from (pk for (pk,) in cursor.fetchall())


def _one_by_one(runs: list[dict[str, Any]], parts: Sequence[Part]) -> Iterator[UUID]:
    going_on = [one for one in runs if one["status"] == "running"]
    suspended = [one for one in runs if one["status"] != "running"]
    done: set[UUID] = set()
    for sets, values in ((GOES_ON, going_on), (SUSPENDS, suspended)):
        if values:
            done |= {UUID(pk) for (pk,) in execute(_update(sets), WorkflowRun, values)}
    for part in parts:
        if values := part.of(done):
            execute(part.statement("TRUE"), part.model, values)
    yield from done


def _parts(updates: Sequence[RunUpdate], assignments: Assigned) -> Iterator[Part]:
    journal = [(update.run_id, row) for update in updates for row in update.journal]
    requests = [(update.run_id, row) for update in updates for row in update.requests]
    snapshots = [(update.run_id, update.snapshot) for update in updates if update.snapshot]
    yield _inserted(JournalEntry, journal)
    yield _inserted(InputRequest, requests)
    yield _inserted(Assignment, assignments)
    yield _inserted(Snapshot, snapshots)
    applied = [
        {"id": pk, "applied_seq": seq, "of_run": str(update.run_id)}
        for update in updates
        for pk, seq in update.deliveries.items()
    ]
    closed = [
        {"run_id": update.run_id, "of_run": str(update.run_id)}
        for update in updates
        if update.closes
    ]
    yield Part(Delivery, APPLIED, applied)
    yield Part(InputRequest, CLOSED, closed)


def _inserted(model: type[models.Model], rows: Iterable[tuple[UUID, models.Model]]) -> Part:
    values = [{**row_values(row), "of_run": str(run_id)} for run_id, row in rows]
    return Part(model, insert_sql(model), values)


@cache
def _update(sets: str) -> str:
    """Return the UPDATE alone. The `+` keeps SQLite from reading all running runs by an index."""
    return UPDATE.format(sets=sets, new=_sent(), row=f"+{RUN}")


def _sent() -> str:
    return json_table(connection.vendor, WorkflowRun, (*GUARDS, *STORED))


@cache
def _done() -> str:
    """Return the UPDATE as the table `done` of the stored ids, and the tables that it needs.

    The runs are locked in the order of their ids, because two statements that lock the same rows
    in different orders would deadlock. The guards are checked on the locked rows, which were found
    by id. With a condition on the status of the table itself, PostgreSQL might read the index
    entries of all runs that were ever running.
    """
    update = UPDATE.format(sets=SUSPENDS, new="sent AS new, locked", row="locked")
    return (
        f"sent AS MATERIALIZED (SELECT * FROM {_sent()}), "
        "locked AS MATERIALIZED (SELECT id, fence, delivery_count, status "
        f"FROM {RUN} WHERE id IN (SELECT id FROM sent) ORDER BY id FOR UPDATE), "
        f"done AS ({update})"
    )


def _run_values(update: RunUpdate) -> dict[str, Any]:
    given = {name: getattr(update, name) for name in STORED}
    delivery_count = -1 if update.delivery_count is None else update.delivery_count
    return {"id": update.run_id, "fence": update.fence, "delivery_count": delivery_count, **given}
