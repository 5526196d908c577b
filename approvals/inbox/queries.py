"""The lists of requests: pending ones by priority and age, and closed ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.db.models.functions import Left

from approvals.inbox.filters import Filters, InboxCursor
from approvals.inbox.rows import row_version
from workflows.models import InputRequest
from workflows.models.permissions import Perm, PermissionProfile
from workflows.models.requests.indexes import CLOSED
from workflows.models.requests.queryset import ASSIGNED_OR_CLAIMED
from workflows.sql import scalar_queries
from workflows.sql.scalar_queries import BoundedCount, ScalarQuery
from workflows.web.pagination import PageCursor

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PAGE_SIZE = 50
ORDER = ("-priority", "created_at", "id")
HEADLINE = 300  # characters of a prompt that are read for a row; prompts may be very long

Requests = QuerySet[InputRequest]


def slim(requests: Requests) -> Requests:
    """Do not read the long columns: a row shows only the beginning of its prompt."""
    return (
        requests.annotate(headline=Left("prompt", HEADLINE))
        .select_related("run", "claimed_by")
        .only(
            "id", "step", "status", "four_eyes", "deadline", "created_at", "answered_at", "source",
            "priority", "tags", "quorum", "votes", "claimed_until", "claimed_by__username",
            "claimed_by__is_active", "run__id", "run__workflow", "run__status",
            "run__started_by_id", "run__is_repeat",
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class InboxPage:
    """The inbox of one person at this time, read by two queries, or three on a later page.

    However many requests wait, only one page of rows is read, and counts up to
    `scalar_queries.COUNT_LIMIT`. `total` counts all pending requests, `found` those that the
    filters select. `oldest` is the time of the first of these, None if they are more than a page.
    `newest` is the time of the last of all, so that a page can mark later ones. `workflows` are
    those with pending requests. `has_priorities` is True if priorities differ, `has_assigned` if a
    request is assigned. `next_page` is the end of an address, or empty. `viewer` has the
    permissions of the person.
    """

    viewer: PermissionProfile
    filters: Filters
    rows: list[InputRequest]
    workflows: list[str]
    total: BoundedCount
    found: BoundedCount
    oldest: datetime | None
    newest: datetime | None
    has_priorities: bool
    has_assigned: bool
    next_page: str

    @classmethod
    def of(cls, user: User, filters: Filters) -> InboxPage:
        """Read the page of `user`'s inbox that `filters` ask for."""
        pending = InputRequest.objects.visible_to(user).pending()
        matching = pending.filter(filters.matching(user)) if filters.is_narrowed else pending
        rows, next_page = _page(matching, filters)
        viewer = PermissionProfile.of(user)
        wanted = dict(inbox_counts(viewer))
        if filters.is_narrowed:
            wanted["oldest"] = scalar_queries.NOTHING
            if next_page or filters.inbox_cursor:
                wanted["found"] = scalar_queries.bounded_count(
                    matching, ORDER if filters.mine else ()
                )
        counts = scalar_queries.fetch_scalars(wanted, user=user.pk)
        lowest, highest, given = (counts.pop(name) for name in ("lowest", "highest", "given"))
        if filters.is_narrowed and "found" not in counts:  # the page has all of them
            counts["found"] = BoundedCount(len(rows))
            counts["oldest"] = min((row.created_at for row in rows), default=None)
        counts.setdefault("found", counts["total"])
        return cls(
            viewer=viewer, filters=filters, rows=rows, next_page=next_page,
            has_priorities=lowest != highest, has_assigned=given is not None, **counts,
        )  # fmt: skip

    @property
    def is_paged(self) -> bool:
        """True if there is a page before or after this page."""
        return bool(self.filters.after or self.next_page)

    @property
    def is_done(self) -> bool:
        """True if this person answers requests, and none waits for them."""
        return self.viewer.has_perm(Perm.DECIDE) and not self.total

    @property
    def is_forbidden(self) -> bool:
        """True if this person may neither answer nor read requests."""
        may_read = self.viewer.has_perm(Perm.SEE_ALL_REQUESTS)
        return not (may_read or self.viewer.has_perm(Perm.DECIDE))

    @property
    def is_selectable(self) -> bool:
        """True if this person may select rows, to answer several at once."""
        return self.viewer.has_perm(Perm.DECIDE)

    @property
    def workflow_choices(self) -> list[str]:
        """The workflows to choose from, with the chosen one; empty where there is no choice."""
        chosen = self.filters.workflow
        if not chosen and len(self.workflows) < 2:
            return []
        return self.workflows if chosen in ("", *self.workflows) else [*self.workflows, chosen]

    @property
    def priority_choices(self) -> list[str]:
        """The priorities to choose from; empty where all are the same."""
        return self.filters.priorities if self.has_priorities or self.filters.priority else []

    @property
    def offers_mine(self) -> bool:
        """True if the list can be limited to what this person was given or has claimed."""
        return self.has_assigned or bool(self.filters.mine)


def etag_of(page: InboxPage, user: User, opened: InputRequest | None) -> str:
    """Return a text that changes when the page of `user` looks different, but for its times."""
    rows = [
        (one.pk, row_version(one), (holder := one.held_by) and (str(holder), holder.is_active))
        for one in page.rows
    ]
    shown = (
        user.pk, page.viewer.permissions, page.filters, rows, page.total, page.found, page.oldest,
        page.newest, page.workflows, page.has_priorities, page.has_assigned, page.next_page,
        opened and (opened.pk, opened.status, opened.answered_by_id),
    )  # fmt: skip
    return f'"{blake2b(repr(shown).encode(), digest_size=12).hexdigest()}"'


def _page(matching: Requests, filters: Filters) -> tuple[list[InputRequest], str]:
    """Return the rows of a page, and where the next one begins."""
    stretches = filters.inbox_cursor.beyond if filters.inbox_cursor else (Q(),)
    rows = list(_in_order(matching, stretches, PAGE_SIZE + 1))
    if len(rows) <= PAGE_SIZE:
        return rows, ""
    return rows[:PAGE_SIZE], filters.next_page(InboxCursor.at(rows[PAGE_SIZE - 1]))


def _in_order(requests: Requests, stretches: Iterable[Q], most: int) -> Iterator[InputRequest]:
    """Yield up to `most` requests of these ranges. A range is read only if it is needed."""
    for stretch in stretches:
        found = list(slim(requests.filter(stretch)).order_by(*ORDER)[:most])
        yield from found
        most -= len(found)
        if not most:
            return


@cache
def inbox_counts(viewer: PermissionProfile) -> dict[str, ScalarQuery]:
    """Return the queries of the counts that do not depend on filters, for people of a profile."""
    pending = InputRequest.objects.visible_to(viewer).pending()
    urgent = pending.order_by(*ORDER)
    return {
        "total": scalar_queries.bounded_count(pending),
        "oldest": scalar_queries.first_value(pending.order_by("created_at", "id"), "created_at"),
        "newest": scalar_queries.first_value(pending.order_by("-created_at", "-id"), "created_at"),
        "highest": scalar_queries.first_value(urgent, "priority"),
        "lowest": scalar_queries.first_value(urgent.reverse(), "priority"),
        "given": scalar_queries.first_value(
            pending.filter(ASSIGNED_OR_CLAIMED).order_by(*ORDER), "priority"
        ),
        "workflows": scalar_queries.distinct_values(pending, "workflow"),
    }


def next_after(user: User, request: InputRequest, filters: Filters) -> InputRequest | None:
    """Return the pending request after this one, or the first one; None if there is none."""
    pending = InputRequest.objects.visible_to(user).pending()
    others = pending.filter(filters.matching(user)).exclude(pk=request.pk)
    return next(_in_order(others, (*InboxCursor.at(request).beyond, Q()), 1), None)


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """A page of closed requests: answered, or closed without an answer. Newest first."""

    rows: list[InputRequest]
    next_page: str

    @classmethod
    def of(cls, user: User, filters: Filters) -> ArchivePage:
        """Read one page that `user` may see, by one query."""
        condition = CLOSED if filters.closed else Q(status="answered")
        column = "created_at" if filters.closed else "answered_at"
        requests = InputRequest.objects.visible_to(user).filter(filters.matching(user), condition)
        cursor = filters.archive_cursor
        if cursor is not None:
            requests = requests.filter(cursor.before(column))
        ordered = requests.order_by(f"-{column}", "-id").annotate(headline=Left("prompt", HEADLINE))
        ordered = ordered.select_related("run", "answered_by").defer(
            "prompt", "payload", "schema", "search_text", "search_tags"
        )
        rows = list(ordered[: PAGE_SIZE + 1])
        if len(rows) <= PAGE_SIZE:
            return cls(rows, "")
        last = rows[PAGE_SIZE - 1]
        return cls(rows[:PAGE_SIZE], filters.next_page(PageCursor(getattr(last, column), last.id)))
