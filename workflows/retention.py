"""Letting go of history: of runs that ended long ago, and of runs that never end.

A run that nothing else refers to goes whole. One with a request that other rows protect, as a
decision does, keeps its row and its requests, and loses the history: journal, snapshots and
deliveries. Of an open run the journal's recent entries stay, behind a snapshot they follow, and
so many of the snapshots in between that any moment can be shown and the journal can be cut.

Whatever is cut, what stays of a journal has no gaps and ends with the run. All transactions are
short, and each locks the run first, as everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.db.models.deletion import PROTECT, RESTRICT

from workflows.models import Delivery, InputRequest, JournalEntry, Snapshot, WorkflowRun

PAGE = 10_000  # runs that are looked up at a time
BATCH = 100  # runs in one transaction
ROWS = 2000  # rows of history in one transaction
HISTORY: tuple[type[Any], ...] = (JournalEntry, Snapshot, Delivery)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one batch let go of: whole runs, and runs that only lost their history."""

    whole: int
    history: int


def protected() -> Q:
    """Return the condition that a row which must stay refers to the run or one of its requests."""
    condition = Q(pk__in=[])
    for model, to_run in ((WorkflowRun, "pk"), (InputRequest, "run")):
        for relation in model._meta.related_objects:
            if relation.on_delete not in (PROTECT, RESTRICT):
                continue
            key = f"{relation.field.name}__{to_run}" if to_run != "pk" else relation.field.name
            rows = relation.related_model._base_manager.filter(**{key: OuterRef("pk")})
            condition |= Q(Exists(rows))
    return condition


def prunable(before: datetime) -> QuerySet[WorkflowRun]:
    """Runs that ended before this moment and of which something can go, each `stays` or not."""
    ended = Q(status__in=WorkflowRun.ENDED, finished_at__lt=before)
    history = Q()
    for model in HISTORY:
        history |= Q(Exists(model.objects.filter(run=OuterRef("pk"))))
    runs = WorkflowRun.objects.filter(ended).annotate(stays=Exists(_protected_runs()))
    return runs.filter(Q(stays=False) | history).order_by("pk")


def _protected_runs() -> QuerySet[WorkflowRun]:
    return WorkflowRun.objects.filter(protected(), pk=OuterRef("pk"))


def prune(before: datetime) -> Iterator[Pruned]:
    """Let go of runs that ended before this moment, a batch at a time, yielding what went."""
    for ids in _batches(before):
        while _cut_history(ids, before):
            pass
        yield _remove(ids, before)


def _batches(before: datetime) -> Iterator[list[UUID]]:
    """Yield what is prunable in batches, asking for many of them at a time: it is a dear query."""
    runs = prunable(before).values_list("pk", flat=True)
    page = list(runs[:PAGE])
    while page:
        for start in range(0, len(page), BATCH):
            yield page[start : start + BATCH]
        page = list(runs.filter(pk__gt=page[-1])[:PAGE])


def _locked(ids: Sequence[UUID], before: datetime) -> list[UUID]:
    """Lock those that are still prunable: a failed run may have been retried meanwhile."""
    runs = WorkflowRun.objects.filter(
        pk__in=ids, status__in=WorkflowRun.ENDED, finished_at__lt=before
    )
    return list(runs.order_by("pk").select_for_update().values_list("pk", flat=True))


def _cut_history(ids: Sequence[UUID], before: datetime) -> bool:
    """Delete a bounded part of the runs' history; return False once none is left.

    The newest entries go first: a run without its last entry cannot be retried any more, so no
    run goes on from half a history.
    """
    with transaction.atomic():
        locked = _locked(ids, before)
        for model in HISTORY:
            order = "-pk" if model is Delivery else "-seq"
            rows = model.objects.filter(run__in=locked).order_by(order)
            keys = list(rows.values_list("pk", flat=True)[:ROWS])
            if keys:
                gone = model.objects.filter(pk__in=keys)
                gone.prune() if model is JournalEntry else gone.delete()
                return True
    return False


def _remove(ids: Sequence[UUID], before: datetime) -> Pruned:
    """Delete the runs that nothing refers to; the others have lost their history by now."""
    with transaction.atomic():
        locked = _locked(ids, before)
        stay = list(
            WorkflowRun.objects.filter(protected(), pk__in=locked).values_list("pk", flat=True)
        )
        gone = set(locked) - set(stay)
        InputRequest.objects.filter(run__in=gone).delete()
        WorkflowRun.objects.filter(pk__in=gone).delete()
    return Pruned(whole=len(gone), history=len(stay))


# Open runs


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
            cut(run_id, seq, most=ROWS // 4)


def compact(run_id: UUID) -> int:
    """Cut all that is too old from an open run's journal; return how many entries went."""
    gone = 0
    while True:
        with transaction.atomic():
            run = overgrown().filter(pk=run_id).select_for_update().only("seq").first()
            thin([run.pk] if run else [])
            count = cut(run.pk, run.seq, most=ROWS) if run else 0
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
