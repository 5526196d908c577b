"""Deletes runs that ended long ago, or their history.

A run that no other row refers to is deleted with everything that belongs to it. A run with a
request that other rows protect, as a decision does, keeps its row and its requests, and loses its
history: journal, snapshots and deliveries. Each transaction is short and locks the runs first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.deletion import PROTECT, RESTRICT

from workflows.models import Delivery, InputRequest, JournalEntry, Snapshot, WorkflowRun

PAGE_SIZE = 10_000  # runs that are looked up at a time
BATCH_SIZE = 100  # runs in one transaction
MAX_ROWS = 2000  # rows of history in one transaction
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
    page = list(runs[:PAGE_SIZE])
    while page:
        for start in range(0, len(page), BATCH_SIZE):
            yield page[start : start + BATCH_SIZE]
        page = list(runs.filter(pk__gt=page[-1])[:PAGE_SIZE])


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
            keys = list(rows.values_list("pk", flat=True)[:MAX_ROWS])
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
