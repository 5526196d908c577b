"""Computes a run's state from a snapshot and the journal entries after it."""

from __future__ import annotations

from collections.abc import Iterable

from workflows.engine import WorkflowSnapshot
from workflows.engine.errors import BadSnapshot
from workflows.engine.machine.journal import Transition
from workflows.engine.machine.state import RunState
from workflows.models import JournalEntry, Snapshot, WorkflowRun


def fold(snapshot: Snapshot | None, entries: Iterable[JournalEntry]) -> RunState:
    """Return the state after `entries`, which follow `snapshot` in the order of `seq`.

    Raise `BadSnapshot` if the snapshot or an entry cannot be read, or an entry is missing.
    """
    state = WorkflowSnapshot(snapshot.data).state() if snapshot else RunState()
    for row in entries:
        if row.seq != state.seq + 1:
            raise BadSnapshot(f"The journal has no entry {state.seq + 1}; {row.seq} follows.")
        try:
            state.apply(Transition.from_json(row.kind, row.step, row.data))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadSnapshot(f"Journal entry {row.seq} cannot be read: {error!r}.") from error
    return state


def snapshot_of(run: WorkflowRun, seq: int | None = None) -> WorkflowSnapshot:
    """Return the run as it was at `seq`, as it is now if None.

    Raise `BadSnapshot` if the rows cannot be read, or that part of the history was pruned.
    """
    seq = run.seq if seq is None else seq
    snapshot = run.snapshots.filter(seq__lte=seq).order_by("-seq").first()
    after = snapshot.seq if snapshot else 0
    entries = run.journal.filter(seq__gt=after, seq__lte=seq).order_by("seq")
    first = entries.values_list("seq", flat=True).first()
    if (first or seq + 1) != after + 1:
        raise BadSnapshot(f"Run {run.id}: its history up to {seq} was pruned or never existed.")
    state = fold(snapshot, entries)
    return WorkflowSnapshot.of(run.workflow, run.signature, str(run.id), state)
