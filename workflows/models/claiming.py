"""SQL by hand: leasing many runs to one worker in one statement.

What is claimable is said once more in `WorkflowRunQuerySet.claimable`, for everybody who only
asks; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q

from workflows.models.batch import lone_statement, objects
from workflows.models.clock import database_now

if TYPE_CHECKING:
    from workflows.models.run import WorkflowRun

SUSPECT_FROM = 2  # takeovers after which a run is claimed alone
LONGEST_LEASE = timedelta(minutes=1)


def claim(
    model: type[WorkflowRun],
    owner: str,
    *,
    limit: int,
    lease: timedelta,
    holding: Collection[Any],
    suspects: bool,
    withheld: Q | None,
) -> list[WorkflowRun]:
    """Lease the runs that want a worker, most innocent and longest due first, and return them.

    Each lease ends so long after the database's time at this moment.
    """
    left_out, left_out_params = _left_out(model, holding, withheld)
    sql = _statement(model, connection.vendor, suspects=suspects).replace("{left out}", left_out)
    due, far, until = [_moment(one) for one in (timedelta(0), LONGEST_LEASE, lease)]
    params = [due, due, far, *left_out_params, limit, owner, until]
    with lone_statement(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    return objects(model, rows)


@cache
def _statement(model: type[WorkflowRun], vendor: str, *, suspects: bool) -> str:
    """Return the statement for this database. Rows that another worker claims are skipped.

    PostgreSQL reckons from its own time; for SQLite, whose clock is this machine's, we do.
    """
    run, moment = model._meta.db_table, "%s"
    if vendor == "postgresql":
        moment = "(statement_timestamp() + %s)"
    columns = ", ".join(f"{run}.{field.column}" for field in model._meta.concrete_fields)
    locked = "FOR UPDATE SKIP LOCKED" if vendor == "postgresql" else ""
    return f"""
        WITH ready AS MATERIALIZED (
            SELECT id FROM {run}
            WHERE (status = 'queued'
                    OR (status = 'waiting' AND wake_at <= {moment})
                    OR (status = 'running' AND (wake_at <= {moment} OR wake_at > {moment})))
                AND takeovers {">=" if suspects else "<"} {SUSPECT_FROM} {{left out}}
            ORDER BY takeovers, wake_at LIMIT %s {locked}
        )
        UPDATE {run} SET status = 'running', lease_owner = %s, wake_at = {moment},
            fence = fence + 1, takeovers = CASE WHEN status = 'running' AND NOT untouched
                THEN takeovers + 1 ELSE takeovers END,
            untouched = {"FALSE" if vendor == "postgresql" else "0"}
        FROM ready WHERE {run}.id = ready.id
        RETURNING {columns}
    """


def _left_out(
    model: type[WorkflowRun], holding: Collection[Any], withheld: Q | None
) -> tuple[str, list[Any]]:
    """Return the conditions that keep a claim from some runs, and their parameters."""
    sql, params = "", []
    if holding:
        key = model._meta.pk
        sql += f"AND id NOT IN ({', '.join(['%s'] * len(holding))}) "
        params += [key.get_db_prep_value(one, connection) for one in holding]
    if withheld:
        query = model.objects.exclude(withheld).query
        found, more = query.get_compiler(connection=connection).compile(query.where)
        sql += f"AND {found}"
        params += more
    return sql, params


def _moment(after: timedelta) -> Any:
    if connection.vendor == "postgresql":
        return after
    return connection.ops.adapt_datetimefield_value(database_now() + after)
