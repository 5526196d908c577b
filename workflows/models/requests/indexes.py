"""The indexes of requests. Queries stay fast however many requests are closed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from workflows.models.requests.queryset import ASSIGNED_OR_CLAIMED

WAITS = Q(status="pending")
CLOSED = Q(status="expired") | Q(status="cancelled")
"""An OR, because SQLite does not recognise `status__in` as the condition of an index."""
UNDEFAULTED = Q(on_deadline="default", overdue_at__isnull=False)
"""The condition that the default of a request was due, and did not answer it."""

INDEXES = [
    # Pending requests: in the order of the inbox, by age, by workflow, and by person. With
    # `assigned` in the index, counts need no rows. For this, SQLite also needs `status` in the
    # index, although it is in the condition.
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
    # What may need attention: pending requests by the schema of their reply, those with a default
    # that is due, and those with four eyes, by run.
    models.Index(
        fields=["workflow", "event", "schema_digest", "created_at", "id"],
        condition=WAITS,
        name="request_of_schema",
    ),
    models.Index(
        fields=["status", "on_deadline", "created_at", "id"],
        condition=Q(overdue_at__isnull=False),
        name="request_undefaulted",
    ),
    models.Index(fields=["run"], condition=WAITS & Q(four_eyes=True), name="request_four_eyes"),
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
    # Requests that are due, read once a second. With `status` as a column SQLite chooses these
    # indexes, and not one that has only the order of the result.
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
    # Answered requests of one workflow, and of one request class.
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
    # All requests, in the order of the admin's list.
    models.Index(fields=["-created_at", "-id"], name="request_newest"),
    # `claimed_by` has no index: SQLite would use it and sort rows that another index has in order.
    models.Index(
        fields=["answered_by"], condition=Q(answered_by__isnull=False), name="request_answered_by"
    ),
]
