"""The state of a run, computed from its journal and any of its snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import flows
from tests.support.worker_control import (
    Drive,
    Register,
    fresh,
    start,
)
from workflows.engine import (
    Context,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.models import WorkflowRun
from workflows.worker import snapshot_of
from workflows.worker.loading.replay import fold

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("known")]


def test_applying_the_journal_to_any_snapshot_gives_the_same_state(
    drive: Drive, register: Register
) -> None:
    @step
    async def loop(event: StartEvent | flows.Part, ctx: Context) -> flows.Part | StopEvent:
        count = ctx.update("n", lambda n: (n or 0) + 1)
        return StopEvent(result=count) if count == 150 else flows.Part(number=count)

    run = start(register(Workflow("t-loop", steps=[loop])))
    drive()
    done = fresh(run)
    assert done.result == 150
    snapshots = list(run.snapshots.order_by("seq"))
    assert snapshots
    entries = list(run.journal.order_by("seq"))
    for seq in range(1, done.seq + 1):
        whole = fold(None, entries[:seq])
        assert snapshot_of(done, seq).data == snapshot_data(done, whole), seq
    for snapshot in snapshots:
        rest = [entry for entry in entries if entry.seq > snapshot.seq]
        assert snapshot_data(done, fold(snapshot, rest)) == snapshot_of(done).data


def snapshot_data(run: WorkflowRun, state: Any) -> dict[str, Any]:
    from workflows.engine import WorkflowSnapshot

    return WorkflowSnapshot.of(run.workflow, run.signature, str(run.pk), state).data
