"""Which parts of a request's page one person sees, each as a condition that the templates name."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.request_page.page import RequestPage
from workflows.models import Priority, WorkflowRun
from workflows.models.permissions import Perm


@dataclass(frozen=True, slots=True)
class Sections:
    """Conditions over the state of a request, its reader, and the form that was just sent."""

    detail: RequestPage

    @property
    def deadline(self) -> bool:
        """True if the request can still be answered, but not for ever."""
        return self.detail.is_open and self.detail.request.deadline is not None

    @property
    def priority(self) -> bool:
        """True if it is pending with a priority that is worth a label."""
        request = self.detail.request
        return request.is_pending and request.priority != Priority.NORMAL

    @property
    def quorum(self) -> bool:
        """True if it is pending and several people have to approve it."""
        return self.detail.request.is_pending and self.detail.request.quorum > 1

    @property
    def overdue(self) -> bool:
        """True if it is pending although its deadline has passed."""
        return self.detail.request.is_pending and self.detail.request.overdue_at is not None

    @property
    def own_edits_notice(self) -> bool:
        """True if the reader approved a version of their own, so that a second person must, too."""
        own = self.detail.collaboration
        return own.has_voted and self.detail.request.four_eyes and own.edited_it

    @property
    def recorded_notice(self) -> bool:
        """True if the reader has approved just now, and others have to approve as well."""
        return self.detail.accepted and self.detail.collaboration.has_voted

    @property
    def claim_notice(self) -> bool:
        """True if the reader cannot answer because another person has claimed the request."""
        return self.detail.is_held and not self.detail.problem

    @property
    def stale_form_notice(self) -> bool:
        """True if the run takes no answer because the code has another form now."""
        return self.detail.is_stale and self.detail.is_blocked

    @property
    def blocked_notice(self) -> bool:
        """True if the request is pending, but its run takes no answers."""
        return self.detail.is_blocked and self.detail.request.is_pending

    @property
    def closed_notice(self) -> bool:
        """True if it was closed without an answer, and no other notice says so."""
        return self.detail.is_closed and not self.detail.came_late

    @property
    def paused_notice(self) -> bool:
        """True if the run is paused, so that it uses an answer only after it was resumed."""
        is_paused = self.detail.request.run.status == WorkflowRun.Status.PAUSED
        return is_paused and self.detail.request.is_pending

    @property
    def claim_button(self) -> bool:
        """True if the reader may claim the request."""
        return self._takes_claims and self.detail.collaboration.holder is None

    @property
    def release_button(self) -> bool:
        """True if the reader may end a claim: their own, as an operator also that of others."""
        holder = self.detail.collaboration.holder
        if holder is None or not self._takes_claims:
            return False
        return holder == self.detail.reader or self._is_operator

    @property
    def reask_button(self) -> bool:
        """True if the reader may replace the form of the request by that of the present code."""
        return self.detail.is_stale and self._is_operator

    @property
    def withdrawable_vote(self) -> int | None:
        """The id of the reader's own approval, while they may withdraw it."""
        if not self.detail.is_open:
            return None
        own = (
            vote.decision
            for vote in self.detail.collaboration.votes
            if vote.counts and vote.decision.by_id == self.detail.reader.pk
        )
        return next((decision.pk for decision in own), None)

    @property
    def values_hint(self) -> bool:
        """True if it must be said which of several approvals gives the run its values."""
        return self.detail.request.is_pending and self.detail.collaboration.has_values

    @property
    def unsent_answer(self) -> bool:
        """True if an answer was refused that has to be shown again."""
        return self.detail.error is not None and self.detail.unsent_answer is not None

    @property
    def comments(self) -> bool:
        """True if there is a comment, or may be one: also one that was sent too late."""
        return self.detail.is_open or bool(self.detail.collaboration.comments or self._said)

    @property
    def comment_error(self) -> str:
        """Why the comment just sent was refused."""
        return self._fault_of("said")

    @property
    def unsaved_comment(self) -> str:
        """The comment just sent, if the request no longer took it."""
        return "" if self.detail.is_open else self._said

    @property
    def reassignment(self) -> bool:
        """True if the reader may give the request to other people."""
        return self.detail.collaboration.may_reassign and self.detail.is_open

    @property
    def reassignment_error(self) -> str:
        """Why the names just sent were refused."""
        return self._fault_of("to")

    @property
    def candidates(self) -> list[str]:
        """The names to choose from; none where there are too many, or some were typed."""
        return [] if self.detail.form_values.get("to") else self.detail.collaboration.candidates

    @property
    def _takes_claims(self) -> bool:
        detail = self.detail
        return detail.is_open and not detail.is_forbidden and not detail.is_blocked

    @property
    def _is_operator(self) -> bool:
        return self.detail.reader.has_perm(Perm.OPERATE_RUNS)

    @property
    def _said(self) -> str:
        return self.detail.form_values.get("said", "")

    def _fault_of(self, name: str) -> str:
        values = self.detail.form_values
        return values.get("fault", "") if name in values else ""
