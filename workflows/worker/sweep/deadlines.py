"""Handles what is due: reminders, escalations, deadlines, and delayed deliveries.

Every worker does this once a second. So each query uses an index that has only rows which are
still to be handled, and each change is a compare-and-set, which only one worker can do.
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
    """Handle what is due at `now`, the database's time."""
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
    """Return the first requests, without those of blocked runs: they wait for their run."""
    return requests.exclude(run__status="blocked").select_related("run")[:MAX_ROWS]


def _try(request: InputRequest, act: Callable[[], None]) -> None:
    try:
        act()
    except DurableError:
        logger.info("Request %s was answered just before its deadline.", request.pk)


def _end(request: InputRequest, now: datetime) -> None:
    """Apply the deadline policy of a request that nobody answered in time."""
    if request.on_deadline == OnDeadline.DEFAULT:
        _answer(request, now)
    elif request.on_deadline == OnDeadline.STAY_OPEN:
        request.mark_overdue(now)
    else:
        request.expire(now)


def _answer(request: InputRequest, now: datetime) -> None:
    """Answer by default, or keep the request open if the default no longer fits the code.

    Do nothing while a live worker has other code for the workflow: that worker handles it.
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
    """Deliver an answer that can no longer be undone. The run is locked first.

    The delivery is inserted as a new row, because a run applies its deliveries in the order of
    their keys, and this one must come after those that were applied already.
    """
    with transaction.atomic():
        WorkflowRun.objects.filter(pk=run_id).count_delivery(now)
        delayed = Delivery.objects.filter(pk=pk, not_before__lte=now).first()
        if delayed is None or Delivery.objects.filter(pk=pk, not_before__lte=now).delete()[0] != 1:
            transaction.set_rollback(True)
            return
        Delivery.objects.create(run_id=run_id, kind=delayed.kind, data=delayed.data)
        publisher.after_commit(runs=[run_id], wake_worker=True)
