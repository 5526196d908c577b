"""Counts the approvals of the present version, by people who may decide it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approvals.eligibility.checks import may_decide
from approvals.models import Decision
from workflows.models import InputRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals of one version: those that count, and those that no longer count.

    `editor` is the person whose edit made this version, None for an unedited one.
    """

    counting: list[Decision]
    lapsed: list[Decision]
    editor: User | None = None

    @classmethod
    def of(cls, request: InputRequest) -> Approvals:
        """Read the approvals of the present version, and check the person of each."""
        rows = Decision.objects.filter(request=request, revision=request.revision)
        rows = rows.exclude(kind=Decision.Kind.FINAL).select_related("by").order_by("pk")
        votes = [row for row in rows if row.kind == Decision.Kind.VOTE]
        later = {row.by_id: row.pk for row in rows}  # the last decision of each person
        counting: list[Decision] = []
        lapsed: list[Decision] = []
        for vote in votes:
            if vote.superseded_at is None:
                (counting if may_decide(vote.by, request) else lapsed).append(vote)
            elif later[vote.by_id] == vote.pk:  # not withdrawn, and not repeated
                lapsed.append(vote)
        editor = votes[0].by if votes and request.edits else None
        return cls(counting, lapsed, editor)

    @property
    def counted(self) -> int:
        """The number of approvals that the row of the request has counted."""
        return len(self.counting) + sum(vote.superseded_at is None for vote in self.lapsed)


def approvals_needed(request: InputRequest, edits: Mapping[str, Any]) -> int:
    """Return the number of people who have to approve the version with these edits.

    With four eyes, another person besides the editor has to approve an edited version.
    """
    return max(request.quorum, 2) if request.four_eyes and edits else request.quorum
