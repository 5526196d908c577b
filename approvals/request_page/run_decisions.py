"""The decisions on the requests of one run that a person may see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.text import capfirst

from approvals.models import Decision
from approvals.request_page.payload_edit_form import Change, changed
from workflows.models import InputRequest, WorkflowRun
from workflows.web.answer_labels import AnswerSummary, answer_summary, by_whom

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_ROWS = 30


@dataclass(slots=True)
class Decided:
    """One answer, one approval of several, or one withdrawal.

    `who` follows the verb: "by alice". `counts` is False if the decision was withdrawn or
    superseded later. `edits` are all that took effect, `changes` their changes of the payload.
    """

    request: InputRequest
    who: str
    at: datetime
    answer: AnswerSummary
    edits: dict[str, Any]
    counts: bool = True
    was_vote: bool = False
    changes: list[Change] = field(default_factory=list)

    @property
    def word(self) -> str:
        """The verb, with a capital letter."""
        return capfirst(self.answer.word)

    @property
    def who_and_effect(self) -> str:
        """Who decided, and what it counts: "by alice, one of several approvals"."""
        part = ", one of several approvals" if self.was_vote else ""
        return self.who + part + ("" if self.counts else "; it no longer counts")

    @property
    def difference(self) -> dict[str, dict[str, Any]]:
        """The changes as a payload with `before` and `after`."""
        return {
            "before": {one.key: one.before for one in self.changes},
            "after": {one.key: one.after for one in self.changes},
        }


@dataclass(frozen=True, slots=True)
class RunDecisions:
    """The decisions, newest first. `is_cut` is True if there are older ones."""

    shown: list[Decided]
    is_cut: bool

    @classmethod
    def of(cls, user: User, run: WorkflowRun) -> RunDecisions:
        """Read the decisions, by two queries, or three if there were edits.

        The answer is in the request itself, also that of the system. Earlier decisions are in their
        own rows.
        """
        visible = InputRequest.objects.visible_to(user).filter(run=run)
        answered = visible.filter(status=InputRequest.Status.ANSWERED)
        found = [_answer(one) for one in _light(answered).order_by("-answered_at")[: MAX_ROWS + 1]]
        others = Decision.objects.filter(request__in=visible)
        others = others.exclude(kind=Decision.Kind.FINAL, superseded_at=None)
        votes = others.select_related("by", "request").defer("request__payload", "request__schema")
        found += [_decision(one) for one in votes.order_by("-at")[: MAX_ROWS + 1]]
        found.sort(key=lambda one: one.at, reverse=True)
        shown = found[:MAX_ROWS]
        _fill_changes(shown)
        return cls(shown, len(found) > MAX_ROWS)


def _light(requests: Any) -> Any:
    return requests.select_related("answered_by").only(
        "id", "prompt", "response", "edits", "source", "answered_at", "answered_by__username", "run"
    )


def _answer(request: InputRequest) -> Decided:
    assert request.answered_at
    name = request.answered_by.get_username() if request.answered_by else ""
    return Decided(
        request, by_whom(name, request.source), request.answered_at,
        answer_summary(request.response), request.edits,
    )  # fmt: skip


def _decision(decision: Decision) -> Decided:
    taken_back = decision.kind == Decision.Kind.WITHDRAWN
    answer = AnswerSummary("withdrawn") if taken_back else answer_summary(decision.response)
    return Decided(
        decision.request, by_whom(decision.by.get_username(), decision.source), decision.at,
        answer, decision.edits, counts=taken_back or decision.superseded_at is None,
        was_vote=decision.kind == Decision.Kind.VOTE,
    )  # fmt: skip


def _fill_changes(shown: list[Decided]) -> None:
    """Read the payloads of edited requests; no query if there were no edits."""
    edited = [one for one in shown if one.edits]
    if not edited:
        return
    payloads = InputRequest.objects.only("payload").in_bulk([one.request.pk for one in edited])
    for one in edited:
        one.changes = changed(payloads[one.request.pk], one.edits)
