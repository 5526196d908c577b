"""What others do about a request: who has it, who approved, what was said, and similar ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models.functions import Left

from approvals.door.candidates import offered
from approvals.door.claims import may_reassign
from approvals.door.talk import draft_of
from approvals.door.undo import may_undo
from approvals.edits import Change, changed
from approvals.models import Comment, Decision, Draft
from approvals.trail import Told
from workflows.models import InputRequest, database_now
from workflows.outcome import Verdict, verdict_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SHOWN = 3  # decisions on requests of the same kind
COMMENTS = 200  # the last ones that are drawn


@dataclass(frozen=True, slots=True)
class Vote:
    """One approval that counts while others are missing."""

    decision: Decision
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Together:
    """One request among people, as `user` sees it: seven queries at most, one if it is only theirs.

    `holder` has it in hand; `changes` are what the edits so far make of the payload; `missing`
    is how many approvals are still needed. `candidates` are the names that the request may be
    given to by this person, empty where there are too many to choose from.
    """

    assignees: list[str]
    holder: User | None
    votes: list[Vote]
    comments: list[Comment]
    similar: list[Told]
    changes: list[Change]
    draft: Draft | None
    has_voted: bool
    may_reassign: bool
    candidates: list[str]
    may_undo: bool

    @property
    def difference(self) -> dict[str, dict[str, object]]:
        """The changes as a payload that says what was and what is, drawn like any other."""
        return {
            "before": {one.key: one.before for one in self.changes},
            "after": {one.key: one.after for one in self.changes},
        }

    @classmethod
    def of(cls, user: User, request: InputRequest) -> Together:
        """Read what belongs to `request`."""
        votes = _votes(request)
        said = Comment.objects.filter(request=request).select_related("by").order_by("-at", "-id")
        pending = request.is_pending
        reassigns = pending and may_reassign(user, request)
        return cls(
            assignees=_assignees(request),
            holder=request.holder(database_now()) if pending and request.claimed_by_id else None,
            votes=votes,
            comments=list(said[:COMMENTS])[::-1],
            similar=_similar(user, request),
            changes=changed(request, request.edits),
            draft=draft_of(user, request) if pending else None,
            has_voted=pending and any(vote.decision.by_id == user.pk for vote in votes),
            may_reassign=reassigns,
            candidates=offered(request) if reassigns else [],
            may_undo=request.undo_until is not None and may_undo(user, request),
        )


def _assignees(request: InputRequest) -> list[str]:
    if not request.assigned and request.escalated_at is None:
        return []
    rows = request.assignments.select_related("user", "group").order_by("pk")
    return [row.name for row in rows]


def _votes(request: InputRequest) -> list[Vote]:
    if request.quorum < 2:
        return []
    votes = Decision.objects.standing().filter(request=request, kind=Decision.Kind.VOTE)
    rows = votes.select_related("by").order_by("pk")
    return [Vote(row, verdict_of(row.response)) for row in rows]


def _similar(user: User, request: InputRequest) -> list[Told]:
    """Return the last answers to requests of the same class and workflow, in other runs."""
    rows = (
        InputRequest.objects.visible_to(user)
        .filter(event=request.event, workflow=request.run.workflow, status="answered")
        .exclude(run=request.run_id)
        .annotate(headline=Left("prompt", 120))
        .select_related("answered_by")
        .defer("prompt", "payload", "schema")
        .order_by("-answered_at", "-id")[:SHOWN]
    )
    return [Told(row, verdict_of(row.response)) for row in rows]
