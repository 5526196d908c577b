"""The times of a request: reminder, escalation and deadline, and what happens then."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Value

from workflows.models.fields import OrderedJSONField
from workflows.models.requests.assignment import Assignment, Directory, assignment
from workflows.models.requests.audience import audience_of
from workflows.models.requests.queryset import InputRequestQuerySet
from workflows.realtime import publisher

logger = logging.getLogger(__name__)

EMPTY_LIST: Any = Value([], OrderedJSONField())
EMPTY_DICT: Any = Value({}, OrderedJSONField())


class OnDeadline(models.TextChoices):
    """What happens at the deadline of a request that nobody answered."""

    FAIL = "fail"  # it expires, and its run fails
    DEFAULT = "default"  # the system answers with `default_response`
    STAY_OPEN = "stay_open"  # it is marked as overdue, and stays open


class DeadlineMixin(models.Model):
    """The times of a request.

    `next_notification_at` is the time of the next reminder or escalation. `asked_of` has the keys
    of the people whom the request named, first and by escalation. It does not change when the
    request is reassigned. `reminded_at`, `escalated_at` and `overdue_at` are
    the times at which these things happened; each happens once.
    """

    deadline = models.DateTimeField(null=True, blank=True)
    on_deadline = models.CharField(
        max_length=16,
        choices=OnDeadline.choices,
        default=OnDeadline.FAIL,
        db_default=OnDeadline.FAIL,
    )
    default_response = OrderedJSONField(null=True, blank=True)
    overdue_at = models.DateTimeField(null=True, blank=True)
    remind_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalate_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    escalate_to = OrderedJSONField(default=list, db_default=EMPTY_LIST, blank=True)
    asked_of = OrderedJSONField(default=list, db_default=EMPTY_LIST, blank=True)
    next_notification_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def is_expired(self, now: datetime) -> bool:
        """Return True if the deadline has passed, even if no worker has stored this yet."""
        stays = self.on_deadline == OnDeadline.STAY_OPEN or self.overdue_at is not None
        ends = self.deadline is not None and not stays
        return ends and self.deadline is not None and self.deadline <= now

    def next_notification(self) -> datetime | None:
        """Return the time of the next reminder or escalation that was not done yet."""
        times = [
            None if self.reminded_at else self.remind_at,
            None if self.escalated_at else self.escalate_at,
        ]
        return min((time for time in times if time is not None), default=None)

    def restarted_timers(self, now: datetime) -> dict[str, Any]:
        """Return the columns that restart the times of the request, with the same lengths."""
        shift = now - self.created_at  # type: ignore[attr-defined]
        for name in ("deadline", "remind_at", "escalate_at"):
            moment = getattr(self, name)
            setattr(self, name, None if moment is None else moment + shift)
        self.reminded_at = self.escalated_at = self.overdue_at = None
        self.next_notification_at = self.next_notification()
        names = ("deadline", "remind_at", "escalate_at", "reminded_at", "escalated_at")
        return {
            name: getattr(self, name) for name in (*names, "overdue_at", "next_notification_at")
        }

    def mark_overdue(self, now: datetime) -> bool:
        """Mark a request as overdue, once. It stays open."""
        marked = self._row().overdue(now).update(overdue_at=now) == 1
        if marked:
            publisher.after_commit(changed=[self.pk])
        return marked

    def remind_or_escalate(self, now: datetime) -> tuple[bool, bool]:
        """Do the reminder and the escalation that are due; return whether this call did each.

        One UPDATE has the time at which it was due in its condition, so only one worker does it.
        """
        due, before = self.next_notification_at, (self.reminded_at, self.escalated_at)
        if self.remind_at and not self.reminded_at and self.remind_at <= now:
            self.reminded_at = now
        if self.escalate_at and not self.escalated_at and self.escalate_at <= now:
            self.escalated_at = now
        done = {"reminded_at": self.reminded_at, "escalated_at": self.escalated_at}
        with transaction.atomic():
            due_for_notification = (
                self._row().due_for_notification(now).filter(next_notification_at=due)
            )
            if (
                due_for_notification.update(**done, next_notification_at=self.next_notification())
                != 1
            ):
                return False, False
            if escalated := self.escalated_at != before[1]:
                seen_before = audience_of(self._row().get())
                self._add_assignees()
                publisher.after_commit(
                    added=[self.pk], seen_before={self.pk: seen_before.as_dict()}
                )
            else:
                publisher.after_commit(changed=[self.pk])
        return self.reminded_at != before[0], escalated

    def _add_assignees(self) -> None:
        """Add the people of the escalation. A request that all reviewers see stays so.

        Their names were checked when the step asked. Those that no longer exist are logged.
        """
        directory = Directory(self.escalate_to)
        if unknown := directory.unknown(self.escalate_to):
            names = ", ".join(map(repr, unknown))
            logger.error(
                "Request %s is escalated to %s, who do not exist any more.", self.pk, names
            )
        rows = [assignment(self, one) for one in directory.found(self.escalate_to)]
        Assignment.objects.bulk_create(rows, ignore_conflicts=True)
        if self.asked_of:
            self.asked_of = list(dict.fromkeys([*self.asked_of, *(one.key for one in rows)]))
            self._row().update(asked_of=self.asked_of)

    def _row(self) -> InputRequestQuerySet:
        return InputRequestQuerySet(type(self)).filter(pk=self.pk)
