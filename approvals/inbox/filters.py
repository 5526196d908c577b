"""The filters in the address of a list, and the cursors of its pages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import Contains
from django.http import QueryDict

from workflows.models import Assignment, InputRequest, Priority
from workflows.models.requests.queryset import ASSIGNED_OR_CLAIMED
from workflows.text.search_text import fold, fold_tags
from workflows.web.pagination import PageCursor

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MINE = "1"


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a list. The addresses of requests opened from the list contain them, too."""

    q: str = ""
    workflow: str = ""
    tag: str = ""
    priority: str = ""
    mine: str = ""
    closed: str = ""
    after: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> Filters:
        """Read the filters of an address. NUL characters are removed: no database stores them."""
        values = {
            name: query.get(name, "").replace("\x00", "").strip()[:200]
            for name in ("q", "workflow", "tag", "priority", "mine", "closed", "after")
        }
        if values["priority"].upper() not in Priority.names:
            values["priority"] = ""
        return cls(**values)

    @property
    def is_narrowed(self) -> bool:
        """True if a filter excludes requests."""
        return bool(self.q or self.workflow or self.tag or self.priority or self.mine)

    @property
    def is_partial(self) -> bool:
        """True if requests may be missing from the page: by a filter, or on a page before it."""
        return self.is_narrowed or bool(self.after)

    def matching(self, user: User) -> Q:
        """Apply the filters without the cursor. `mine` means the requests of `user`."""
        found = self._with_text() if self.q else Q()
        if self.workflow:
            found &= Q(workflow=self.workflow)
        if self.tag:
            found &= self._tagged()
        if self.priority:
            found &= Q(priority=Priority.named(self.priority))
        if self.mine:
            # ASSIGNED_OR_CLAIMED does not change the result, but makes the database use the index.
            found &= ASSIGNED_OR_CLAIMED & (
                Q(claimed_by=user) | Assignment.objects.all().assigned_to(user.pk)
            )
        return found

    def _with_text(self) -> Q:
        """Requests whose prompt has the words. Rows of older code have no search text."""
        plain = Q(search_text="", prompt__icontains=self.q)
        folded = fold(self.q)
        return Q(search_text__contains=folded) | plain if folded else plain

    def _tagged(self) -> Q:
        """Requests with the tag. Rows of older code have no search text."""
        plain = Q(Contains(Cast("tags", TextField()), json.dumps(self.tag)), search_tags="")
        folded = fold_tags([self.tag])
        return Q(search_tags__contains=folded) | plain

    @property
    def priorities(self) -> list[str]:
        """The priorities to choose from, the highest first."""
        return [name.lower() for name in reversed(Priority.names)]

    @property
    def archive_cursor(self) -> PageCursor | None:
        """The row after which a page of closed requests begins."""
        return PageCursor.parse(self.after)

    @property
    def inbox_cursor(self) -> InboxCursor | None:
        """The row after which a page of pending requests begins."""
        return InboxCursor.parse(self.after)

    @property
    def query(self) -> str:
        """These filters as the end of an address: "?q=..." or nothing."""
        values = {name: value for name, value in asdict(self).items() if value}
        return f"?{urlencode(values)}" if values else ""

    @property
    def first_page(self) -> str:
        """The same without the cursor."""
        return replace(self, after="").query

    @property
    def without_tag(self) -> str:
        """The same without the tag."""
        return replace(self, tag="", after="").query

    def next_page(self, cursor: PageCursor | InboxCursor) -> str:
        """The same with this cursor."""
        return replace(self, after=str(cursor)).query


@dataclass(frozen=True, slots=True)
class InboxCursor:
    """A position in the inbox, which is sorted by priority and then by the time of asking."""

    priority: int
    cursor: PageCursor

    @classmethod
    def at(cls, row: InputRequest) -> InboxCursor:
        """Return the position of a row."""
        return cls(row.priority, PageCursor(row.created_at, row.id))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the output of `str`; return None for other texts, which means the first page."""
        priority, _, rest = text.partition("_")
        cursor = PageCursor.parse(rest)
        valid = priority.isascii() and priority.isdigit() and len(priority) < 5
        return cls(int(priority), cursor) if cursor and valid else None

    def __str__(self) -> str:
        return f"{self.priority}_{self.cursor}"

    @property
    def beyond(self) -> tuple[Q, Q]:
        """Rows after this one, with the same and with lower priority; each a range of an index."""
        level = Q(priority=self.priority) & self.cursor.after("created_at")
        return level, Q(priority__lt=self.priority)
