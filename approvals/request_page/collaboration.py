"""What others do about a request: who has it, who approved, what was said, and similar ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models.functions import Left

from approvals.actions.draft import draft_of
from approvals.actions.reassign import may_reassign
from approvals.actions.withdraw import may_undo
from approvals.eligibility.candidates import offered
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

SHOWN = 3  # decisions on requests of the same kind
COMMENTS = 200  # the last ones that are drawn


@dataclass(frozen=True, slots=True)
class Vote:
    """One approval while others are missing; `counts` says whether its person may still decide.

    `differs`: its values are not those of the answer, which the last approval gave.
    """

    decision: Decision
    answer: AnswerSummary
    counts: bool = True
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Collaboration:
    """One request among people, as `user` sees it: seven queries at most, one if it is only theirs.

    `holder` has it in hand; `changes` are what the edits so far make of the payload; `approvals`
    counts those votes that count, and `edited_it` says that this person made the present version.
    `candidates` are the names that the request may be given to by this person, empty where there
    are too many to choose from.
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
        """How many approvals count now."""
        return sum(vote.counts for vote in self.votes)

    @property
    def has_values(self) -> bool:
        """Whether an approval says more than that it is one."""
        return any(vote.answer.rest is not None for vote in self.votes)

    @property
    def difference(self) -> dict[str, dict[str, object]]:
        """The changes as a payload that says what was and what is, drawn like any other."""
        return {
            "before": {one.key: one.before for one in self.changes},
            "after": {one.key: one.after for one in self.changes},
        }

    @classmethod
    def of(cls, user: User, request: InputRequest) -> Collaboration:
        """Read what belongs to `request`."""
        votes, editor = _votes(request)
        said = Comment.objects.filter(request=request).select_related("by").order_by("-at", "-id")
        pending = request.is_pending
        reassigns = pending and may_reassign(user, request)
        return cls(
            assignees=_assignees(request),
            holder=holder_of(request) if pending else None,
            votes=votes,
            edited_it=editor == user,
            comments=list(said[:COMMENTS])[::-1],
            similar=_similar(user, request),
            changes=changed(request, request.edits),
            draft=draft_of(user, request) if pending else None,
            has_voted=pending
            and any(vote.counts and vote.decision.by_id == user.pk for vote in votes),
            may_reassign=reassigns,
            candidates=offered(request) if reassigns else [],
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
    if not request.is_pending:  # what counted then is history
        standing = Decision.objects.effective().filter(request=request, kind=Decision.Kind.VOTE)
        kept = standing.select_related("by").order_by("pk")
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
        .order_by("-answered_at", "-id")[:SHOWN]
    )
    return [AnsweredRequest(row, answer_summary(row.response)) for row in rows]
