"""The lists of requests: what waits, the more urgent and older first, and what is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Case, Count, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import Left

from approvals.filters import Filters, Place
from workflows.cursor import Cursor
from workflows.models import InputRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PAGE = 100
ORDER = ("-priority", "created_at", "id")
HEADLINE = 300  # characters of a prompt that a row could show; prompts may be very long

Requests = QuerySet[InputRequest]


def slim(requests: Requests) -> Requests:
    """Leave the long columns in the database: a row shows the beginning of its prompt."""
    return (
        requests.annotate(headline=Left("prompt", HEADLINE))
        .select_related("run", "claimed_by")
        .only(
            "id", "step", "status", "four_eyes", "deadline", "created_at", "answered_at", "door",
            "priority", "tags", "quorum", "votes", "claimed_until", "claimed_by__username",
            "run__id", "run__workflow", "run__status", "run__started_by_id",
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waiting:
    """The inbox of one person at this moment: three queries, however many wait.

    `total` counts all that wait, `found` those that the filters let through. `oldest` is when
    the first of these was asked, `newest` when the last of all was, so that a page can tell what
    came after it. `urgencies` says that priorities differ, `given` how many were given to
    somebody. `next_page` is the end of an address, or empty.
    """

    rows: list[InputRequest]
    workflows: list[str]
    total: int
    found: int
    oldest: datetime | None
    newest: datetime | None
    lowest: int | None
    highest: int | None
    given: int
    next_page: str

    @property
    def urgencies(self) -> bool:
        """Whether some are more urgent than others, so that a filter makes sense."""
        return self.lowest != self.highest

    @classmethod
    def of(cls, user: User, filters: Filters) -> Waiting:
        """Read the page of `user`'s inbox that `filters` ask for."""
        pending = InputRequest.objects.visible_to(user).pending()
        matching = filters.matching(user)
        figures = pending.aggregate(
            total=Count("pk"),
            found=Count("pk", filter=matching),
            oldest=Min("created_at", filter=matching),
            newest=Max("created_at"),
            lowest=Min("priority"),
            highest=Max("priority"),
            given=Count("pk", filter=Q(assigned=True) | Q(claimed_by__isnull=False)),
        )
        names = pending.order_by("run__workflow").values_list("run__workflow", flat=True)
        ordered = slim(pending.filter(matching)).order_by(*ORDER)
        if filters.place is not None:
            ordered = ordered.filter(filters.place.beyond)
        rows = list(ordered[: PAGE + 1])
        next_page = ""
        if len(rows) > PAGE:
            rows = rows[:PAGE]
            next_page = filters.next_page(Place.at(rows[-1]))
        return cls(rows=rows, workflows=list(names.distinct()), next_page=next_page, **figures)


def next_after(user: User, request: InputRequest, filters: Filters) -> InputRequest | None:
    """Return the request that waits next after this one, or the first; None if none does."""
    others = InputRequest.objects.visible_to(user).pending().exclude(pk=request.pk)
    behind = Case(When(Place.at(request).beyond, then=Value(0)), default=Value(1))
    return slim(others.filter(filters.matching(user))).order_by(behind, *ORDER).first()


@dataclass(frozen=True, slots=True)
class Past:
    """Requests that are over: answered, or closed without an answer. Newest first."""

    rows: list[InputRequest]
    next_page: str

    @classmethod
    def of(cls, user: User, filters: Filters) -> Past:
        """Read one page of what `user` may see: one query."""
        status = InputRequest.Status
        statuses = [status.EXPIRED, status.CANCELLED] if filters.closed else [status.ANSWERED]
        column = "created_at" if filters.closed else "answered_at"
        requests = InputRequest.objects.visible_to(user).filter(
            filters.matching(user), status__in=statuses
        )
        cursor = filters.cursor
        if cursor is not None:
            requests = requests.filter(cursor.earlier(column))
        ordered = requests.order_by(f"-{column}", "-id").annotate(headline=Left("prompt", HEADLINE))
        ordered = ordered.select_related("run", "answered_by").defer("prompt", "payload", "schema")
        rows = list(ordered[: PAGE + 1])
        if len(rows) <= PAGE:
            return cls(rows, "")
        last = rows[PAGE - 1]
        return cls(rows[:PAGE], filters.next_page(Cursor(getattr(last, column), last.id)))
