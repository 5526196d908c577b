"""Leases many runs to one worker by one statement.

`WorkflowRunQuerySet.leasable` has the same condition for code that only reads. A test checks that
both select the same runs.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, Q

from workflows.sql.clock import database_now
from workflows.sql.json_rows import from_rows, json_table, to_json, write_statement

Run = TypeVar("Run", bound=Model)

ISOLATE_FROM = 2  # crash_count from which a run is leased alone
MAX_LEASE = timedelta(minutes=1)


def lease_runs(
    model: type[Run],
    owner: str,
    *,
    limit: int,
    duration: timedelta,
    holding: Collection[Any],
    poison: bool,
    excluded: Q | None,
) -> list[Run]:
    """Lease up to `limit` runs that are ready, and return them.

    Runs with a smaller `crash_count` come first, then runs that are due for longer. Each lease ends
    `duration` after the database's present time.
    """
    left_out, left_out_params = _left_out(model, excluded)
    sql = _statement(model, connection.vendor, poison=poison).replace("{left out}", left_out)
    due, far, until = [_moment(one) for one in (timedelta(0), MAX_LEASE, duration)]
    each = [*left_out_params, limit]
    ways = [*each, due, *each, due, *each, far, *each]
    held = to_json(model, [{"id": pk} for pk in holding])
    with write_statement(), connection.cursor() as cursor:
        cursor.execute(sql, [held, *ways, limit, owner, until])
        rows = cursor.fetchall()
    runs = from_rows(model, [row[:-1] for row in rows])
    for run, row in zip(runs, rows, strict=True):
        run.was_taken_over = bool(row[-1])  # type: ignore[attr-defined]
    return runs


@cache
def _statement(model: type[Model], vendor: str, *, poison: bool) -> str:
    """Return the statement for this database. Rows that another worker is leasing are skipped.

    PostgreSQL computes times itself. For SQLite they are computed here, because its clock is that
    of this machine.
    """
    run, moment = model._meta.db_table, "%s"
    if vendor == "postgresql":
        moment = "(statement_timestamp() + %s)"
    columns = ", ".join(f"{run}.{field.column}" for field in model._meta.concrete_fields)
    conditions = (
        "status = 'queued'",
        f"status = 'waiting' AND wake_at <= {moment}",
        f"status = 'running' AND wake_at <= {moment}",
        f"status = 'running' AND wake_at > {moment}",
    )
    crashes = f"crash_count {'>=' if poison else '<'} {ISOLATE_FROM}"
    ways = " UNION ALL ".join(_way(run, vendor, f"{one} AND {crashes}") for one in conditions)
    return f"""
        WITH held AS MATERIALIZED (SELECT id FROM {json_table(vendor, model, ("id",))}),
        ready AS MATERIALIZED (
            SELECT id, lapsed FROM ({ways}) AS ways ORDER BY crash_count, wake_at LIMIT %s
        )
        UPDATE {run} SET status = 'running', lease_owner = %s, wake_at = {moment},
            fence = fence + 1,
            crash_count = CASE WHEN status = 'running' AND NOT idle_since_recovery
                THEN crash_count + 1 ELSE crash_count END,
            idle_since_recovery = {"FALSE" if vendor == "postgresql" else "0"}
        FROM ready WHERE {run}.id = ready.id
        RETURNING {columns}, (SELECT lapsed FROM ready WHERE ready.id = {run}.id)
    """


def _way(run: str, vendor: str, condition: str) -> str:
    """Return the query of one condition, in the order of the index `run_wants`, with a limit.

    Only an ordered index scan of PostgreSQL removes old index entries. Without the order, each
    statement would read the entries of all runs that were queued or running since the last VACUUM.
    """
    locked = "FOR UPDATE SKIP LOCKED" if vendor == "postgresql" else ""
    return f"""
        SELECT * FROM (
            SELECT id, crash_count, wake_at, status = 'running' AS lapsed FROM {run}
            WHERE {condition} AND wake_at IS NOT NULL AND id NOT IN (SELECT id FROM held)
                {{left out}}
            ORDER BY wake_at LIMIT %s {locked}
        ) AS way
    """


def _left_out(model: type[Model], excluded: Q | None) -> tuple[str, list[Any]]:
    """Return the condition that excludes runs for other workers, and its parameters."""
    if excluded is None:
        return "", []
    query = model._default_manager.exclude(excluded).query
    sql, params = query.get_compiler(connection=connection).compile(query.where)
    return f"AND {sql}", list(params)


def _moment(after: timedelta) -> Any:
    if connection.vendor == "postgresql":
        return after
    return connection.ops.adapt_datetimefield_value(database_now() + after)
