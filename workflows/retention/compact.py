"""Shortens the journals of open runs, which may never end.

It keeps the newest entries, a snapshot before them, and some older snapshots. So every state since
the oldest snapshot can be computed, and the journal can be cut again later. The remaining journal
has no gaps. Each transaction is short and locks the run first.
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
    """Return open runs whose journal is, or was before it was cut, longer than JOURNAL_KEEP."""
    longer = {"status__in": WorkflowRun.OPEN, "seq__gt": settings.JOURNAL_KEEP}
    return WorkflowRun.objects.filter(**longer).order_by("pk")


def compact_grown(grown: Mapping[UUID, int]) -> None:
    """Delete the oldest entries of runs of which a worker has just written a snapshot.

    `grown` has the `seq` of each run, which is more than a `stride`. This runs in the worker's
    transaction, so it deletes a limited number of entries. A snapshot is written every hundred
    entries, and each call deletes more than a hundred.
    """
    thin(list(grown))
    for run_id, seq in grown.items():
        if seq > settings.JOURNAL_KEEP:
            cut(run_id, seq, most=MAX_ROWS // 4)


def compact(run_id: UUID) -> int:
    """Delete all entries of an open run that need not be kept; return their number."""
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
    """Return the number of entries between two kept snapshots: a tenth of JOURNAL_KEEP."""
    return max(1, int(settings.JOURNAL_KEEP) // 10)


def thin(runs: Collection[UUID]) -> None:
    """Delete the snapshots of these runs that are not needed. Each is a copy of the whole state."""
    if not runs:
        return
    found: dict[UUID, list[int]] = defaultdict(list)
    for run_id, seq in Snapshot.objects.filter(run__in=runs).values_list("run", "seq"):
        found[run_id].append(seq)
    for run_id, seqs in found.items():
        if spare := superfluous(seqs, stride()):
            Snapshot.objects.filter(run=run_id, seq__in=spare).delete()


def superfluous(seqs: Iterable[int], apart: int) -> set[int]:
    """Return the snapshots to delete: all but the last two and the first of every `apart` entries.

    So each entry is at most twice `apart` after a snapshot. As the run grows, the journal can start
    at a later snapshot.
    """
    older = sorted(set(seqs))[:-2]
    first: dict[int, int] = {}
    for seq in older:
        first.setdefault(seq // apart, seq)
    return set(older) - set(first.values())


def cut(run_id: UUID, seq: int, *, most: int) -> int:
    """Delete at most `most` of the oldest entries that need not be kept; return their number.

    Kept are at least the last JOURNAL_KEEP entries, a snapshot at or before the first of them, the
    last two snapshots, and every entry after the older of these two.
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
