"""What an open inbox shows, as its script works it out from the socket's messages and its reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

ROW = re.compile(
    r'<li data-request="([0-9a-f-]{36})"\s+data-created="([^"]+)"\s+data-priority="(\d+)"'
    r'\s+data-version="(\w+)"'
)
MORE = re.compile(r"data-etag=\"[^\"]*\"\s+data-more")
FEW = 25  # rows below which a list that goes on is read again


class Row(NamedTuple):
    """A row of the list."""

    id: str
    created: str
    priority: int
    version: str

    @property
    def place(self) -> tuple[int, str, str]:
        """What the list is sorted by."""
        return -self.priority, self.created, self.id


def rows_in(html: str) -> list[Row]:
    """Return the rows of a response."""
    return [
        Row(key, created, int(priority), version)
        for key, created, priority, version in ROW.findall(html)
    ]


class InboxState:
    """The rows of a page that nobody points at, and what it has to fetch.

    `wanted` are requests whose rows it has to fetch. With `must_read` it has to read the list.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.wanted: set[str] = set()
        self.must_read = False
        self.number = 0
        self.gaps = 0
        self.messages = 0
        self._removed: set[str] = set()
        self._has_more = False

    @property
    def shown(self) -> list[str]:
        """The ids of the rows, in their order."""
        return [row.id for row in self.rows]

    @property
    def is_behind(self) -> bool:
        """Whether there is something to fetch."""
        return self.must_read or bool(self.wanted)

    def opened(self) -> None:
        """Begin with a new socket."""
        self.number = 0

    def apply(self, message: dict[str, Any]) -> None:
        """Apply a message of the socket."""
        if "n" not in message:
            return
        self.messages += 1
        self.gaps += message["n"] != self.number + 1
        self.must_read |= message["n"] != self.number + 1 or message.get("read", False)
        self.number = message["n"]
        for change in message.get("changes", ()):
            self._apply(change)
        self.must_read |= self._has_more and len(self.rows) < FEW

    def _apply(self, change: dict[str, Any]) -> None:
        key = change["id"]
        if change["kind"] == "removed":
            self._removed.add(key)
            self.wanted.discard(key)
            self.rows = [row for row in self.rows if row.id != key]
            return
        self._removed.discard(key)
        known = next((row for row in self.rows if row.id == key), None)
        if known is None:
            new = Row(key, change["created"], change["priority"], "")
            if not self._has_more or not self.rows or new.place < self.rows[-1].place:
                self.wanted.add(key)
        elif known.version != change["version"]:
            self.wanted.add(key)

    def begin_read(self) -> None:
        """Begin to read the list: later changes may be missing from the response."""
        self.must_read = False
        self._removed.clear()

    def took_list(self, html: str) -> None:
        """Take the list that was read."""
        self._has_more = MORE.search(html) is not None
        self.rows = [row for row in rows_in(html) if row.id not in self._removed]
        self.wanted.difference_update(self.shown)

    def begin_fetch(self) -> list[str]:
        """Return the requests whose rows to fetch now."""
        ids = sorted(self.wanted)[:50]
        self.wanted.difference_update(ids)
        return ids

    def took_rows(self, ids: Sequence[str], html: str) -> None:
        """Take the rows that were fetched for these requests."""
        kept = [row for row in self.rows if row.id not in ids]
        fresh = [row for row in rows_in(html) if row.id not in self._removed]
        self.rows = sorted([*kept, *fresh], key=lambda row: row.place)
