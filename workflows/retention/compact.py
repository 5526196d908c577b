"""Shortens the journals of open runs, which may never end.

The newest entries stay, behind a snapshot that they follow, and so many older snapshots that every
state in between can be rebuilt and the journal can be cut further. What stays of a journal has no
gaps. Each transaction is short and locks the run first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, QuerySet

from workflows.models import Delivery, JournalEntry, Snapshot, WorkflowRun

MAX_ROWS = 2000  # rows of history in one transaction


def overgrown() -> QuerySet[WorkflowRun]:
    """Open runs whose journal is longer than JOURNAL_KEEP, or was before it was cut."""
    longer = {"status__in": WorkflowRun.OPEN, "seq__gt": settings.JOURNAL_KEEP}
    return WorkflowRun.objects.filter(**longer).order_by("pk")


def compact_grown(grown: Mapping[UUID, int]) -> None:
    """Cut the oldest entries of runs that a worker holds and has just written a snapshot of.

    `grown` has the `seq` of each, more than a `stride`. In the worker's transaction, so it takes
    little at a time; there is a snapshot every hundred entries, and so much more than that goes
    each time.
    """
    thin(list(grown))
    for run_id, seq in grown.items():
        if seq > settings.JOURNAL_KEEP:
            cut(run_id, seq, most=MAX_ROWS // 4)


def compact(run_id: UUID) -> int:
    """Cut all that is too old from an open run's journal; return how many entries went."""
    gone = 0
    while True:
        with transaction.atomic():
            run = overgrown().filter(pk=run_id).select_for_update().only("seq").first()
            thin([run.pk] if run else [])
            count = cut(run.pk, run.seq, most=MAX_ROWS) if run else 0
        if not count:
            return gone
        gone += count


def stride() -> int:
    """Return how many entries one snapshot has to serve: a tenth of what is kept."""
    return max(1, int(settings.JOURNAL_KEEP) // 10)


def thin(runs: Collection[UUID]) -> None:
    """Delete the snapshots of these runs that nothing needs, each a copy of the whole state."""
    if not runs:
        return
    found: dict[UUID, list[int]] = defaultdict(list)
    for run_id, seq in Snapshot.objects.filter(run__in=runs).values_list("run", "seq"):
        found[run_id].append(seq)
    for run_id, seqs in found.items():
        if spare := superfluous(seqs, stride()):
            Snapshot.objects.filter(run=run_id, seq__in=spare).delete()


def superfluous(seqs: Iterable[int], apart: int) -> set[int]:
    """Return which snapshots may go: all but the last two and the first of every `apart` entries.

    With these no moment is further from the snapshot before it than twice that, and the start of
    the journal, which has to follow a snapshot, moves on as the run grows.
    """
    older = sorted(set(seqs))[:-2]
    first: dict[int, int] = {}
    for seq in older:
        first.setdefault(seq // apart, seq)
    return set(older) - set(first.values())


def cut(run_id: UUID, seq: int, *, most: int) -> int:
    """Delete at most `most` of the oldest entries that need not be kept, and say how many.

    What stays: the last JOURNAL_KEEP entries at least, a snapshot at or before the first of
    them, the last two snapshots, and every entry after the older of these.
    """
    snapshots = Snapshot.objects.filter(run=run_id)
    last_two = list(snapshots.order_by("-seq").values_list("seq", flat=True)[:2])
    if len(last_two) < 2:
        return 0
    newest = min(seq - settings.JOURNAL_KEEP, last_two[1])
    base = snapshots.filter(seq__lte=newest).aggregate(seq=Max("seq"))["seq"]
    journal = JournalEntry.objects.filter(run=run_id)
    oldest = journal.aggregate(seq=Min("seq"))["seq"]
    if base is None or oldest is None or oldest > base:
        return 0
    edge = min(base, oldest - 1 + most)
    snapshots.filter(seq__lt=edge).delete()
    Delivery.objects.filter(run=run_id, applied_seq__lte=edge).delete()
    return journal.filter(seq__lte=edge).prune()
