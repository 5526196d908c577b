"""Deletes runs that ended long ago, or their history.

A run to which no other row refers is deleted with everything that belongs to it. If other rows,
such as decisions, protect a request of a run, the run and its requests are kept. Only its history
is deleted: journal, snapshots and deliveries. Each transaction is short and locks the runs first.
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
    """The result of one batch: the numbers of deleted runs, and of runs without history now."""

    whole: int
    history: int


def protected() -> Q:
    """Return the condition that a protected row refers to the run or one of its requests."""
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
    """Return runs that ended before this time and can be pruned, with `stays` for kept rows."""
    ended = Q(status__in=WorkflowRun.ENDED, finished_at__lt=before)
    history = Q()
    for model in HISTORY:
        history |= Q(Exists(model.objects.filter(run=OuterRef("pk"))))
    runs = WorkflowRun.objects.filter(ended).annotate(stays=Exists(_protected_runs()))
    return runs.filter(Q(stays=False) | history).order_by("pk")


def _protected_runs() -> QuerySet[WorkflowRun]:
    return WorkflowRun.objects.filter(protected(), pk=OuterRef("pk"))


def prune(before: datetime) -> Iterator[Pruned]:
    """Prune the runs that ended before this time, in batches; yield the result of each batch."""
    for ids in _batches(before):
        while _cut_history(ids, before):
            pass
        yield _remove(ids, before)


def _batches(before: datetime) -> Iterator[list[UUID]]:
    """Yield prunable runs in batches. Each query reads many batches, because it is slow."""
    runs = prunable(before).values_list("pk", flat=True)
    page = list(runs[:PAGE_SIZE])
    while page:
        for start in range(0, len(page), BATCH_SIZE):
            yield page[start : start + BATCH_SIZE]
        page = list(runs.filter(pk__gt=page[-1])[:PAGE_SIZE])


def _locked(ids: Sequence[UUID], before: datetime) -> list[UUID]:
    """Lock the runs that are still prunable: a failed run may have been retried meanwhile."""
    runs = WorkflowRun.objects.filter(
        pk__in=ids, status__in=WorkflowRun.ENDED, finished_at__lt=before
    )
    return list(runs.order_by("pk").select_for_update().values_list("pk", flat=True))


def _cut_history(ids: Sequence[UUID], before: datetime) -> bool:
    """Delete a limited part of the runs' history; return False when no history is left.

    The newest entries are deleted first. A run without its last entry cannot be retried, so no
    run continues from an incomplete history.
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
    """Delete the runs to which no protected row refers. The history of the others is deleted."""
    with transaction.atomic():
        locked = _locked(ids, before)
        stay = list(
            WorkflowRun.objects.filter(protected(), pk__in=locked).values_list("pk", flat=True)
        )
        gone = set(locked) - set(stay)
        InputRequest.objects.filter(run__in=gone).delete()
        WorkflowRun.objects.filter(pk__in=gone).delete()
    return Pruned(whole=len(gone), history=len(stay))
