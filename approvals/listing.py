"""The lists of requests: what waits, oldest first, and what is over, newest first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db.models import Case, Count, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import Left
from django.http import QueryDict

from workflows.cursor import Cursor
from workflows.models import InputRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PAGE = 100
HEADLINE = 300  # characters of a prompt that a row could show; prompts may be very long

Requests = QuerySet[InputRequest]


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address of a list asks for; it goes along to the requests opened from it."""

    q: str = ""
    workflow: str = ""
    closed: str = ""
    after: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> Filters:
        """Read the filters of an address. NUL, which no database searches for, is left out."""
        values = {
            name: query.get(name, "").replace("\x00", "").strip()[:200]
            for name in ("q", "workflow", "closed", "after")
        }
        return cls(**values)

    @property
    def narrow(self) -> bool:
        """Whether some requests are left out on purpose."""
        return bool(self.q or self.workflow)

    @property
    def matching(self) -> Q:
        """The requests asked for, wherever the page begins."""
        found = Q(prompt__icontains=self.q) if self.q else Q()
        return found & Q(run__workflow=self.workflow) if self.workflow else found

    @property
    def cursor(self) -> Cursor | None:
        """The row after which the page begins."""
        return Cursor.parse(self.after)

    @property
    def query(self) -> str:
        """These filters as the end of an address: "?q=..." or nothing."""
        values = {name: value for name, value in asdict(self).items() if value}
        return f"?{urlencode(values)}" if values else ""

    @property
    def first_page(self) -> str:
        """The same, from the first row on."""
        return replace(self, after="").query

    def next_page(self, cursor: Cursor) -> str:
        """The same, from the row after `cursor` on."""
        return replace(self, after=str(cursor)).query


def slim(requests: Requests) -> Requests:
    """Leave the long columns in the database: a row shows the beginning of its prompt."""
    return (
        requests.annotate(headline=Left("prompt", HEADLINE))
        .select_related("run")
        .only(
            "id", "step", "status", "four_eyes", "deadline", "created_at", "answered_at", "door",
            "run__id", "run__workflow", "run__status", "run__started_by_id",
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waiting:
    """The inbox of one person at this moment: three queries, however many wait.

    `total` counts all that wait, `found` those that the filters let through. `oldest` is when
    the first of these was asked, `newest` when the last of all was, so that a page can tell what
    came after it. `next_page` is the end of an address, or empty.
    """

    rows: list[InputRequest]
    workflows: list[str]
    total: int
    found: int
    oldest: datetime | None
    newest: datetime | None
    next_page: str

    @classmethod
    def of(cls, user: User, filters: Filters) -> Waiting:
        """Read the page of `user`'s inbox that `filters` ask for."""
        pending = InputRequest.objects.visible_to(user).pending()
        figures = pending.aggregate(
            total=Count("pk"),
            found=Count("pk", filter=filters.matching),
            oldest=Min("created_at", filter=filters.matching),
            newest=Max("created_at"),
        )
        names = pending.order_by("run__workflow").values_list("run__workflow", flat=True)
        ordered = slim(pending.filter(filters.matching)).order_by("created_at", "id")
        cursor = filters.cursor
        if cursor is not None:
            ordered = ordered.filter(cursor.later("created_at"))
        rows = list(ordered[: PAGE + 1])
        next_page = ""
        if len(rows) > PAGE:
            rows = rows[:PAGE]
            next_page = filters.next_page(Cursor(rows[-1].created_at, rows[-1].id))
        return cls(rows=rows, workflows=list(names.distinct()), next_page=next_page, **figures)


def next_after(user: User, request: InputRequest, filters: Filters) -> InputRequest | None:
    """Return the request that waits next after this one, or the oldest; None if none does."""
    place = Cursor(request.created_at, request.id)
    others = InputRequest.objects.visible_to(user).pending().exclude(pk=request.pk)
    behind = Case(When(place.later("created_at"), then=Value(0)), default=Value(1))
    return slim(others.filter(filters.matching)).order_by(behind, "created_at", "id").first()


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
            filters.matching, status__in=statuses
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
