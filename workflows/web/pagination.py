"""Where a page of rows begins: after the row with this moment and id.

Pages by offset repeat or skip rows while others are answered; a place between two rows stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from django.db.models import Q


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of the page before, in an order by a moment and then by id."""

    at: datetime
    id: UUID

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None for anything else, which means the first page."""
        moment, _, key = text.partition("_")
        try:
            at, found = datetime.fromisoformat(moment), UUID(key)
            # In UTC, as it will be compared: the first and last day have hours beyond the calendar.
            return cls(at.astimezone(UTC), found) if at.tzinfo else None
        except (ValueError, OverflowError):
            return None

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.id}"

    def later(self, column: str) -> Q:
        """Rows after this one, where `column` and id ascend."""
        return self._beyond(column, "gt")

    def earlier(self, column: str) -> Q:
        """Rows after this one, where `column` and id descend."""
        return self._beyond(column, "lt")

    def _beyond(self, column: str, way: str) -> Q:
        beyond = Q(**{f"{column}__{way}": self.at}) | Q(**{column: self.at, f"id__{way}": self.id})
        # Adds nothing to the meaning, but lets an index find the start.
        return Q(**{f"{column}__{way}e": self.at}) & beyond
