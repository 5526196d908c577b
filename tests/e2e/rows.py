"""The functions that `Database` calls in a process with the environment of a server.

The process of the test has other settings and another database. Each call opens the database of the
server and closes it again, so that after a kill the next server recovers it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from pydantic_core import to_jsonable_python

from approvals.models import Decision
from workflows.engine import WorkflowSnapshot, registry
from workflows.engine.machine.state import RunState
from workflows.engine.serialization.codec import decode
from workflows.engine.snapshot import write_state
from workflows.models import Delivery, InputRequest, WorkflowRun
from workflows.worker import snapshot_of
from workflows.worker.loading.replay import fold

SHOWN = ("answered", "discarded", "completed")  # entries whose data is reported


def start(count: int, claims: str) -> None:
    """Start this number of runs of `expenses` with the file `claims`, as the admin."""
    admin = User.objects.get(username="admin")
    text = Path(claims).read_text("utf-8")
    with transaction.atomic():
        for number in range(count):
            WorkflowRun.objects.start(
                "expenses", {"claims": text}, by=admin, idempotency_key=f"whole-{number}"
            )


def statuses(to: str) -> None:
    """Write the status of every run, by id."""
    rows = WorkflowRun.objects.values_list("pk", "status")
    Path(to).write_text(json.dumps({str(pk): status for pk, status in rows}))


def facts(to: str) -> None:
    """Write all rows that the audit compares, as JSON."""
    Path(to).write_text(
        json.dumps(
            {
                "runs": {str(run.pk): _run(run) for run in WorkflowRun.objects.all()},
                "requests": {str(one.pk): _request(one) for one in _requests()},
                "decisions": [
                    {"request": str(one.request_id), "by": one.by.username, "said": one.response}
                    for one in Decision.objects.select_related("by")
                ],
                "deliveries": [
                    {"run": str(one.run_id), "kind": one.kind, "seq": one.applied_seq, **one.data}
                    for one in Delivery.objects.all()
                ],
            }
        )
    )


def _requests() -> list[InputRequest]:
    return list(InputRequest.objects.select_related("answered_by"))


def _request(one: InputRequest) -> dict[str, Any]:
    return {
        "run": str(one.run_id),
        "key": one.request_id,
        "status": one.status,
        "said": one.response,
        "by": one.answered_by.username if one.answered_by else "",
        "payload": one.payload,
    }


def _run(run: WorkflowRun) -> dict[str, Any]:
    return {
        "workflow": run.workflow,
        "input": run.input,
        "status": run.status,
        "seq": run.seq,
        "result": run.result,
        "error": run.error,
        "journal": [
            {"seq": one.seq, "kind": one.kind, "data": one.data if one.kind in SHOWN else None}
            for one in run.journal.order_by("seq")
        ],
        "folds": _folding_faults(run),
    }


def _folding_faults(run: WorkflowRun) -> list[str]:
    """Apply the journal from the beginning and to each kept snapshot, and compare the states."""
    entries = list(run.journal.order_by("seq"))
    end = _plain(fold(None, entries))
    faults = []
    for kept in run.snapshots.order_by("seq"):
        if _plain(WorkflowSnapshot(kept.data).state()) != _plain(fold(None, entries[: kept.seq])):
            faults.append(f"the snapshot at {kept.seq} is not the journal folded up to it")
        if _plain(fold(kept, entries[kept.seq :])) != end:
            faults.append(f"the journal folded from {kept.seq} ends elsewhere")
    if _plain(snapshot_of(run).state()) != end:
        faults.append("its snapshot now is not its whole journal folded")
    if (end["seq"], end["status"]) != (run.seq, run.status):
        faults.append(f"its journal ends {end['status']} at {end['seq']}")
    result = decode(end["result"], registry.get(run.workflow).events)
    if to_jsonable_python(result) != run.result:
        faults.append("its journal ends with another result")
    return faults


def _plain(state: RunState) -> Any:
    return json.loads(json.dumps(write_state(state)))
