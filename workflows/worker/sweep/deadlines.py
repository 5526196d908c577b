"""What is due of requests and answers: reminders, escalations, ends, and delayed deliveries.

Everything here is read once a second by every worker, so each query reads an index that holds
only what is still to be done, and each change is one compare-and-set that a single worker wins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from workflows.errors import DurableError
from workflows.models import Delivery, InputRequest, WorkflowRun
from workflows.models.requests.compatibility import default_fault, other_code, stale_reason
from workflows.models.requests.deadlines import OnDeadline
from workflows.models.requests.queryset import InputRequestQuerySet
from workflows.realtime import publisher
from workflows.worker.sweep import reminders

logger = logging.getLogger(__name__)

MAX_ROWS = 100  # at one sweep


def sweep(now: datetime) -> None:
    """Do what is due at `now`, the database's time."""
    for request in _some(InputRequest.objects.overdue(now).order_by("deadline")):
        _try(request, lambda one=request: _end(one, now))  # type: ignore[misc]
    for request in _some(
        InputRequest.objects.due_for_notification(now).order_by("next_notification_at")
    ):
        _try(request, lambda one=request: _send_due_notifications(one, now))  # type: ignore[misc]
    delayed = Delivery.objects.filter(not_before__lte=now).values_list("pk", "run_id")
    for pk, run_id in delayed[:MAX_ROWS]:
        _release(pk, run_id, now)


def _some(requests: InputRequestQuerySet) -> InputRequestQuerySet:
    """Take the first few. Those of a blocked run stay until it goes on, and in nobody's way."""
    return requests.exclude(run__status="blocked").select_related("run")[:MAX_ROWS]


def _try(request: InputRequest, act: Callable[[], None]) -> None:
    try:
        act()
    except DurableError:
        logger.info("Request %s was answered just before its time was over.", request.pk)


def _end(request: InputRequest, now: datetime) -> None:
    """Do with a request that nobody answered in time what it asked for."""
    if request.on_deadline == OnDeadline.DEFAULT:
        _answer(request, now)
    elif request.on_deadline == OnDeadline.STAY_OPEN:
        request.mark_overdue(now)
    else:
        request.expire(now)


def _answer(request: InputRequest, now: datetime) -> None:
    """Answer by default, or let the request stay open where the code no longer takes it.

    While a worker with other code lives, it is left to that.
    """
    fault = stale_reason(request) or default_fault(request)
    if not fault:
        request.answer_by_default(now)
    elif not other_code(request.run.workflow, now) and request.mark_overdue(now):
        logger.warning("Request %s is not answered by default: %s.", request.pk, fault)


def _send_due_notifications(request: InputRequest, now: datetime) -> None:
    reminded, escalated = request.remind_or_escalate(now)
    if reminded or escalated:
        reminders.send(request, escalated=escalated)


def _release(pk: int, run_id: UUID, now: datetime) -> None:
    """Release an answer that can no longer be undone to its run, which is locked first.

    It goes on as a new row: a run takes its deliveries in the order of their keys, whichever
    worker reads them, and none may come before those that it has taken already.
    """
    with transaction.atomic():
        WorkflowRun.objects.filter(pk=run_id).count_delivery(now)
        delayed = Delivery.objects.filter(pk=pk, not_before__lte=now).first()
        if delayed is None or Delivery.objects.filter(pk=pk, not_before__lte=now).delete()[0] != 1:
            transaction.set_rollback(True)
            return
        Delivery.objects.create(run_id=run_id, kind=delayed.kind, data=delayed.data)
        publisher.after_commit(runs=[run_id], wake_worker=True)
