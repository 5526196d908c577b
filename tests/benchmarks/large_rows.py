"""The rows of the large tables. Both databases fill each table by the same INSERT .. SELECT."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Index, Model
from django.utils import timezone

from approvals.models import Decision
from workflows.engine import InputRequestEvent
from workflows.engine.machine.journal import Transition
from workflows.engine.requests.reply import schema_digest
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.models import Assignment, Delivery, InputRequest, JournalEntry, WorkflowRun

PEOPLE, TEAMS = 50, 10
YEAR, DAY = timedelta(days=365), timedelta(days=1)
FILLED: tuple[type[Model], ...] = (
    WorkflowRun, InputRequest, Assignment, Decision, Delivery, JournalEntry,
)  # fmt: skip

# `i` counts the runs in the order in which they were made; `k` is pseudo-random. `waits` is spread
# evenly, so that the open rows are as far apart as in a table that grew.
NUMBERS = """
WITH RECURSIVE counted(i) AS (
    SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < {every}
), numbers AS (
    SELECT CAST(i AS bigint) AS i, (CAST(i AS bigint) * 48271) % 2147483647 AS k,
        (CAST(i AS bigint) * {waiting}) % {every} < {waiting} AS waits
    FROM counted
)
"""

RUNS = """
INSERT INTO workflows_workflowrun
    (id, workflow, signature, status, input, result, seq, snapshot_seq, delivery_count, lease_owner,
     fence, crash_count, created_at, finished_at, started_by_id)
{numbers}
SELECT {run}, {workflow}, 'bench', CASE WHEN waits THEN 'waiting' WHEN k % 50 = 0 THEN 'cancelled'
    WHEN k % 5000 = 1 THEN 'failed' ELSE 'completed' END,
    CAST('{{"score": 0.5, "customer": "Somebody", "amount": "640.00"}}' AS {json}),
    CASE WHEN waits THEN NULL ELSE CAST('{{"approved": true}}' AS {json}) END,
    5, 5, CASE WHEN waits THEN 0 ELSE 1 END, '', 1, 0, {asked},
    CASE WHEN waits THEN NULL ELSE {answered} END, {person}
FROM numbers
"""

REQUESTS = """
INSERT INTO workflows_inputrequest
    (id, request_id, run_id, workflow, event, step, prompt, payload, allow, four_eyes, status,
     response, answered_by_id, source, created_at, answered_at, priority, tags, assigned,
     claimed_by_id, claimed_until, digest, schema_digest)
{numbers}
SELECT {request}, 'ask-1', {run}, {workflow}, 'InputRequestEvent', 'ask',
    CASE k % 4 WHEN 0 THEN 'Pay the hotel bill of customer ' WHEN 1 THEN 'Release version '
        WHEN 2 THEN 'Publish the article about ' ELSE 'Refund the train ticket of ' END || k
        || CASE WHEN k % 1009 = 0 THEN ', which is a rarity' ELSE '' END || '?',
    CAST('{{"customer": "Somebody", "amount": "640.00", "currency": "EUR", "lines": [1, 2, 3]}}'
        AS {json}),
    CAST('["approve", "reject", "reply"]' AS {json}), k % 10 = 9, {status},
    CASE WHEN {status} = 'answered' THEN CAST('{{"approved": true}}' AS {json}) END,
    CASE WHEN {status} = 'answered' THEN {reviewer} END,
    CASE WHEN {status} = 'answered' THEN 'inbox' ELSE '' END, {asked},
    CASE WHEN {status} = 'answered' THEN {answered} END,
    CASE WHEN k % 100 < 2 THEN 4 WHEN k % 100 < 10 THEN 3 WHEN k % 100 < 20 THEN 1 ELSE 2 END,
    CAST(CASE k % 7 WHEN 0 THEN '["eu"]' WHEN 1 THEN '["eu", "travel"]' WHEN 2 THEN '["travel"]'
        ELSE '[]' END AS {json}),
    {assigned}, CASE WHEN waits AND k % 50 = 7 THEN {reviewer} END,
    CASE WHEN waits AND k % 50 = 7 THEN {soon} END, {digest}, '{schema_digest}'
FROM numbers
"""

ASSIGNMENTS = """
INSERT INTO workflows_assignment (request_id, user_id, group_id)
{numbers}
SELECT {request}, CASE WHEN k % 2 = 0 THEN {reviewer} END, CASE WHEN k % 2 = 1 THEN {team} END
FROM numbers WHERE {assigned}
"""

DECISIONS = """
INSERT INTO approvals_decision (request_id, kind, by_id, at, response, source)
{numbers}
SELECT {request}, 'final', {reviewer}, {answered}, CAST('{{"approved": true}}' AS {json}), 'inbox'
FROM numbers WHERE {status} = 'answered'
"""

DELIVERIES = """
INSERT INTO workflows_delivery (run_id, kind, data, created_at, applied_seq)
{numbers}
SELECT {run}, 'answer', CAST('{{"request_id": "ask-1", "response": {{"approved": true}}, "by": '
    || '"person", "source": "inbox"}}' AS {json}), {answered}, 4
FROM numbers WHERE {status} = 'answered'
"""

JOURNAL = """
INSERT INTO workflows_journalentry (run_id, seq, kind, step, data, at)
{numbers}
SELECT {run}, 5, CASE WHEN waits THEN 'step_completed' WHEN k % 50 = 0 THEN 'cancelled'
    WHEN k % 5000 = 1 THEN 'failed' ELSE 'completed' END, CASE WHEN waits THEN 'ask' ELSE '' END,
    CAST(CASE WHEN waits THEN '{step_completed}' WHEN k % 50 = 0 THEN '{{"by": "operator"}}'
        WHEN k % 5000 = 1 THEN '{error}' ELSE '{{"result": {{"approved": true}}}}' END AS {json}),
    {asked}
FROM numbers
"""


def fill(waiting: int, finished: int) -> None:
    """Make the people, then all rows, and run ANALYZE."""
    first, team = people()
    words = {**WORDS, **dialect(waiting + finished), "json": "json" if _is_postgresql() else "text"}
    words |= {
        "person": f"CASE WHEN k % 10 < 8 THEN {first} + (k / 11) % {PEOPLE} END",
        "reviewer": f"{first} + (k / 13) % {PEOPLE}",
        "team": f"{team} + (k / 17) % {TEAMS}",
        "schema_digest": schema_digest(None),
    }
    words |= {"step_completed": step_completed(), "error": json.dumps({"error": FAILURE})}
    words["numbers"] = NUMBERS.format(every=waiting + finished, waiting=waiting)
    with connection.cursor() as cursor, without_indexes():
        cursor.execute(HASTE[_is_postgresql()])
        for statement in (RUNS, REQUESTS, ASSIGNMENTS, DECISIONS, DELIVERIES, JOURNAL):
            if waiting + finished:
                cursor.execute(statement.format(**words))
    with connection.cursor() as cursor:
        if _is_postgresql():
            names = ", ".join(model._meta.db_table for model in FILLED)
            cursor.execute(f"VACUUM ANALYZE {names}")  # autovacuum would do this, too
        else:
            cursor.execute("ANALYZE")


# The foreign keys are valid, so PostgreSQL need not check each; SQLite gets a large cache.
HASTE = {
    True: "SELECT set_config('session_replication_role', 'replica', false)"
    " WHERE current_setting('is_superuser') = 'on'",
    False: "PRAGMA cache_size = -2000000",
}
WORDS = {
    # Some workflows have far more requests than others: the rarest has one in a thousand.
    "workflow": "CASE WHEN k % 1000 = 0 THEN 'bench-rare' WHEN k % 1000 < 400 THEN 'bench-expenses'"
    " WHEN k % 1000 < 650 THEN 'bench-release' WHEN k % 1000 < 800 THEN 'bench-article'"
    " WHEN k % 1000 < 900 THEN 'bench-refund' WHEN k % 1000 < 960 THEN 'bench-hire'"
    " WHEN k % 1000 < 990 THEN 'bench-access' ELSE 'bench-contract' END",
    "status": "CASE WHEN waits THEN 'pending' WHEN k % 50 = 0 THEN 'cancelled'"
    " WHEN k % 5000 = 1 THEN 'expired' ELSE 'answered' END",
    "assigned": "(k / 19) % 5 = 0",
    "digest": "md5('digest' || i) || md5('digest2' || i)",
}
FAILURE = {"kind": "RuntimeError", "message": "boom", "step": "", "traceback": "", "engine": False}


def step_completed() -> str:
    """Return the data of the journal entry of a step that opened the request `ask-1`."""
    event = StoredEvent.from_event(InputRequestEvent(request_id="ask-1", prompt="Pay?"))
    request = {"id": "ask-1", "own": False, "deadline": None, "event": event}
    data = {"invocation": 1, "attempt": 1, "set": {}, "events": [], "spawn": []}
    return json.dumps(Transition("step_completed", {**data, "requests": [request]}).to_json())


def dialect(every: int) -> dict[str, str]:
    """Return the expressions that differ between the two databases: keys and times."""
    start = timezone.now() - YEAR - DAY
    gap = YEAR.total_seconds() / max(every, 1)
    moments = {"asked": f"i * {gap}", "answered": f"i * {gap} + k % 86400"}
    moments["soon"] = str((YEAR + DAY).total_seconds() + 900)
    if _is_postgresql():
        texts = {
            name: f"(timestamptz '{start.isoformat()}' + ({seconds}) * interval '1 second')"
            for name, seconds in moments.items()
        }
        return texts | {"run": "md5('run' || i)::uuid", "request": "md5('request' || i)::uuid"}
    texts = {
        name: f"strftime('%Y-%m-%d %H:%M:%f000', {start.timestamp()} + {seconds}, 'unixepoch')"
        for name, seconds in moments.items()
    }
    return texts | {"run": "md5('run' || i)", "request": "md5('request' || i)"}


def people() -> tuple[int, int]:
    """Make reviewers in teams, with successive keys; return the first keys of both."""
    reviewers = Group.objects.get(name="reviewers")
    teams = [Group.objects.create(name=f"team{n}") for n in range(TEAMS)]
    users = [User.objects.create(username=f"person{n}") for n in range(PEOPLE)]
    for n, user in enumerate(users):
        user.groups.add(reviewers, teams[n % TEAMS])
    operator = User.objects.create(username="operator")
    operator.groups.add(Group.objects.get(name="operators"))
    return users[0].pk, teams[0].pk


@contextmanager
def without_indexes() -> Iterator[None]:
    """Remove the declared indexes while rows are inserted, because building them once is faster."""
    declared: list[tuple[type[Model], Index]] = [
        (model, index) for model in FILLED for index in model._meta.indexes
    ]
    with connection.schema_editor() as editor:
        for model, index in declared:
            editor.remove_index(model, index)
    yield
    with connection.schema_editor() as editor:
        for model, index in declared:
            editor.add_index(model, index)


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"
