"""What other people did with a request: claim, approvals, comments, and similar requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models.functions import Left

from approvals.actions.draft import draft_of
from approvals.actions.reassign import may_reassign
from approvals.actions.withdraw import may_undo
from approvals.eligibility.candidates import candidate_names
from approvals.eligibility.checks import holder_of
from approvals.eligibility.votes import Approvals
from approvals.models import Comment, Decision, Draft
from approvals.request_page.payload_edit_form import Change, changed
from approvals.request_page.run_summary import AnsweredRequest
from workflows.engine.requests.payload_edits import json_equal
from workflows.models import InputRequest
from workflows.web.answer_labels import AnswerSummary, answer_summary

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_SIMILAR = 3  # decisions on requests of the same kind
MAX_COMMENTS = 200  # the number of last comments that are shown


@dataclass(frozen=True, slots=True)
class Vote:
    """One approval of several. `counts` is True if its person may still decide.

    `differs` is True if its values are not those of the answer, which the last approval gave.
    """

    decision: Decision
    answer: AnswerSummary
    counts: bool = True
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Collaboration:
    """What other people did with a request, as `user` sees it. It takes one to seven queries.

    `holder` has claimed the request. `changes` are the payload values that the edits so far change.
    `approvals` counts the approvals that count. `edited_it` is True if this person made the present
    version. `candidates` are the names to which this person may reassign the request, empty if
    there are too many.
    """

    assignees: list[str]
    holder: User | None
    votes: list[Vote]
    edited_it: bool
    comments: list[Comment]
    similar: list[AnsweredRequest]
    changes: list[Change]
    draft: Draft | None
    has_voted: bool
    may_reassign: bool
    candidates: list[str]
    may_undo: bool

    @property
    def approvals(self) -> int:
        """The number of approvals that count now."""
        return sum(vote.counts for vote in self.votes)

    @property
    def has_values(self) -> bool:
        """True if an approval has more fields than `approved`."""
        return any(vote.answer.rest is not None for vote in self.votes)

    @property
    def difference(self) -> dict[str, dict[str, object]]:
        """The changes as a payload with `before` and `after`, which is shown as a difference."""
        return {
            "before": {one.key: one.before for one in self.changes},
            "after": {one.key: one.after for one in self.changes},
        }

    @classmethod
    def of(cls, user: User, request: InputRequest) -> Collaboration:
        """Read everything about `request`."""
        votes, editor = _votes(request)
        said = Comment.objects.filter(request=request).select_related("by").order_by("-at", "-id")
        pending = request.is_pending
        reassigns = pending and may_reassign(user, request)
        return cls(
            assignees=_assignees(request),
            holder=holder_of(request) if pending else None,
            votes=votes,
            edited_it=editor == user,
            comments=list(said[:MAX_COMMENTS])[::-1],
            similar=_similar(user, request),
            changes=changed(request, request.edits),
            draft=draft_of(user, request) if pending else None,
            has_voted=pending
            and any(vote.counts and vote.decision.by_id == user.pk for vote in votes),
            may_reassign=reassigns,
            candidates=candidate_names(request) if reassigns else [],
            may_undo=request.undo_until is not None and may_undo(user, request),
        )


def _assignees(request: InputRequest) -> list[str]:
    if not request.assigned and request.escalated_at is None:
        return []
    rows = request.assignments.select_related("user", "group").order_by("pk")
    return [row.name for row in rows]


def _votes(request: InputRequest) -> tuple[list[Vote], User | None]:
    """Return the approvals of the present version, and who made this version."""
    if request.quorum < 2:
        return [], None
    if not request.is_pending:  # the approvals of a closed request do not change
        effective = Decision.objects.effective().filter(request=request, kind=Decision.Kind.VOTE)
        kept = effective.select_related("by").order_by("pk")
        return [_settled(row, request) for row in kept], None
    found = Approvals.of(request)
    rows = sorted([*found.counting, *found.lapsed], key=lambda row: row.pk)
    votes = [Vote(row, answer_summary(row.response), row in found.counting) for row in rows]
    return votes, found.editor


def _settled(vote: Decision, request: InputRequest) -> Vote:
    voted, answer = answer_summary(vote.response), answer_summary(request.response)
    answered = request.status == InputRequest.Status.ANSWERED and answer.word == voted.word
    return Vote(vote, voted, differs=answered and not json_equal(voted.rest, answer.rest))


def _similar(user: User, request: InputRequest) -> list[AnsweredRequest]:
    """Return the last answers to requests of the same class and workflow, in other runs."""
    rows = (
        InputRequest.objects.visible_to(user)
        .filter(event=request.event, workflow=request.run.workflow, status="answered")
        .exclude(run=request.run_id)
        .annotate(headline=Left("prompt", 120))
        .select_related("answered_by")
        .defer("prompt", "payload", "schema")
        .order_by("-answered_at", "-id")[:MAX_SIMILAR]
    )
    return [AnsweredRequest(row, answer_summary(row.response)) for row in rows]
