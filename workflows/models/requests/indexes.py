"""What requests are found by, however many are over."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from workflows.models.requests.queryset import ASSIGNED_OR_CLAIMED

WAITS = Q(status="pending")
CLOSED = Q(status="expired") | Q(status="cancelled")
"""Not `status__in`, which SQLite does not recognise as the condition of an index."""

INDEXES = [
    # What waits, however much is over: in the order of the inbox, by age, by workflow, and
    # what somebody has. `assigned` lets counts stay within an index; SQLite wants `status` in it
    # for that, though the condition says it.
    models.Index(
        fields=["-priority", "created_at", "id"],
        condition=WAITS,
        name="request_most_urgent",
    ),
    models.Index(
        fields=["created_at", "id", "assigned", "status"],
        condition=WAITS,
        name="request_oldest",
    ),
    models.Index(
        fields=["workflow", "-priority", "created_at", "id", "assigned", "status"],
        condition=WAITS,
        name="request_of_workflow",
    ),
    models.Index(
        fields=["-priority", "created_at", "id", "claimed_by", "assigned"],
        condition=WAITS & ASSIGNED_OR_CLAIMED,
        name="request_assigned_or_claimed",
    ),
    models.Index(
        fields=["-answered_at", "-id"],
        condition=Q(status="answered"),
        name="request_last_answered",
    ),
    models.Index(
        fields=["-created_at", "-id"],
        condition=CLOSED,
        name="request_last_closed",
    ),
    # What time asks for, once a second. With `status` as a column SQLite takes these, and not the
    # index of an order that nobody asked for.
    models.Index(
        fields=["status", "deadline"],
        condition=Q(deadline__isnull=False, overdue_at__isnull=True),
        name="request_overdue",
    ),
    models.Index(
        fields=["status", "next_notification_at"],
        condition=Q(next_notification_at__isnull=False),
        name="request_notification_due",
    ),
    # What was answered of one workflow, and of one class of request.
    models.Index(
        fields=["workflow", "-answered_at", "-id"],
        condition=Q(status="answered"),
        name="request_answered_of",
    ),
    models.Index(
        fields=["workflow", "event", "-answered_at", "-id"],
        condition=Q(status="answered"),
        name="request_same_kind",
    ),
    # All of them, as the admin lists them.
    models.Index(fields=["-created_at", "-id"], name="request_newest"),
    # Not `claimed_by`: SQLite would collect by it and sort what another index has in order.
    models.Index(
        fields=["answered_by"], condition=Q(answered_by__isnull=False), name="request_answered_by"
    ),
]
