"""One request as a person sees it: its state for this person, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from approvals.actions.preconditions import check_claim, check_open
from approvals.eligibility.checks import check_permitted
from approvals.errors import (
    AlreadyAnswered,
    AlreadyVoted,
    AnswerRefused,
    CannotReask,
    CannotUndo,
    ClaimedByOther,
    Closed,
    ContentTooLarge,
    NotPermitted,
    RateLimited,
    RequestBlocked,
    SecondPersonNeeded,
    StaleForm,
    Superseded,
)
from approvals.request_page.answer_forms import UntypedForm, form_for
from approvals.request_page.buttons import AnswerButton, schema_buttons, untyped_buttons
from approvals.request_page.collaboration import Collaboration
from approvals.request_page.consequence import Consequence
from approvals.request_page.deadline import deadline_words
from approvals.request_page.payload_edit_form import Change, EditForm, changed
from approvals.request_page.run_summary import RunSummary
from workflows.engine import UnknownWorkflow, registry
from workflows.models import InputRequest
from workflows.models.requests.deadlines import OnDeadline
from workflows.text.markdown import Prompt
from workflows.web.answer_labels import AnswerSummary, answer_summary, by_whom
from workflows.web.forms import SchemaForm
from workflows.web.run_access import RunAccess

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class RequestPage:
    """The data of the page of a request.

    `blocker` is the reason why this person cannot answer it now. `error` is the reason why the
    answer that they just sent was refused, `unsent_answer` is that answer, and
    `form_values` what else was typed. `accepted` is True if the answer was accepted.
    `block_reason` is the reason why the run is blocked, empty if this person may not read it.
    """

    request: InputRequest
    summary: RunSummary
    collaboration: Collaboration
    form: UntypedForm | SchemaForm
    edits: EditForm
    blocker: AnswerRefused | None
    reader: User
    error: AnswerRefused | None = None
    unsent_answer: Any = None
    accepted: bool = False
    form_values: dict[str, str] = field(default_factory=dict)
    block_reason: str = ""

    @classmethod
    def of(
        cls,
        user: User,
        request: InputRequest,
        *,
        form: UntypedForm | SchemaForm | None = None,
        edits: EditForm | None = None,
        error: AnswerRefused | None = None,
        unsent_answer: Any = None,
        accepted: bool = False,
        form_values: dict[str, str] | None = None,
    ) -> RequestPage:
        """Read everything about `request`, whose run is loaded."""
        collaboration = Collaboration.of(user, request)
        draft = collaboration.draft.typed if collaboration.draft else None
        blocking = blocker(user, request)
        return cls(
            request,
            summary=RunSummary.of(user, request),
            collaboration=collaboration,
            form=form or form_for(request, draft),
            edits=edits or EditForm(request, draft),
            blocker=blocking,
            reader=user,
            error=error,
            unsent_answer=unsent_answer,
            accepted=accepted,
            form_values=form_values or {},
            block_reason=block_reason(user, request)
            if isinstance(blocking, RequestBlocked)
            else "",
        )

    @property
    def prompt(self) -> Prompt:
        """The rendered prompt."""
        return Prompt.of(self.request.prompt)

    @property
    def buttons(self) -> list[AnswerButton]:
        """The buttons of the ways to answer."""
        if isinstance(self.form, UntypedForm):
            return untyped_buttons(self.form, has_voted=self.collaboration.has_voted)
        return schema_buttons(self.form, has_voted=self.collaboration.has_voted)

    @property
    def is_open(self) -> bool:
        """True if the request is pending, even if this person cannot answer it now."""
        return self.request.is_pending and not self.is_closed

    @property
    def is_closed(self) -> bool:
        """True if the deadline has passed, even if no worker has stored this yet."""
        return isinstance(self.blocker, Closed)

    @property
    def is_blocked(self) -> bool:
        """True if the run accepts no answers until its code is fixed."""
        return isinstance(self.blocker, RequestBlocked)

    @property
    def is_stale(self) -> bool:
        """True if it needs an operator, because its form differs from that of the code."""
        return isinstance(self.blocker, StaleForm) or self.waits_past_default

    @property
    def waits_past_default(self) -> bool:
        """True if it stayed open at its deadline because its default no longer fits."""
        by_default = self.request.on_deadline == OnDeadline.DEFAULT
        return self.is_open and by_default and self.request.overdue_at is not None

    @property
    def is_forbidden(self) -> bool:
        """True if this person may only read."""
        return isinstance(self.blocker, NotPermitted)

    @property
    def needs_second_person(self) -> bool:
        """True if this person started the run and another person has to answer."""
        return isinstance(self.blocker, SecondPersonNeeded)

    @property
    def shows_form(self) -> bool:
        """True if the form is shown. While the run is blocked, the form saves drafts."""
        return self.is_open and not self.is_forbidden and not self.is_held

    @property
    def is_held(self) -> bool:
        """True if another person has claimed it."""
        return isinstance(self.blocker, ClaimedByOther)

    @property
    def was_superseded(self) -> bool:
        """True if the answer just sent was for an earlier version."""
        return isinstance(self.error, Superseded)

    @property
    def problem(self) -> str:
        """The error text of another refusal."""
        shown = isinstance(
            self.error, AlreadyVoted | CannotReask | CannotUndo | ClaimedByOther | RateLimited
        )
        forbidden = isinstance(self.error, NotPermitted) and not self.is_forbidden
        return str(self.error) if shown or forbidden else ""

    @property
    def lost_edits(self) -> list[Change]:
        """What the person had typed for the earlier version."""
        unsent_answer = (
            self.unsent_answer
            if self.was_superseded and isinstance(self.unsent_answer, dict)
            else {}
        )
        return changed(self.request, unsent_answer)

    @property
    def was_too_large(self) -> bool:
        """True if the answer just sent exceeded a limit."""
        return isinstance(self.error, ContentTooLarge)

    @property
    def came_late(self) -> bool:
        """True if an answer was sent to a request that no longer accepted one."""
        return isinstance(self.error, AlreadyAnswered | Closed)

    @property
    def at_deadline(self) -> str:
        """What happens at the deadline; empty without one."""
        return deadline_words(self.request)

    @property
    def consequence(self) -> Consequence | None:
        """What an approval does."""
        return Consequence.of(self.request)

    @property
    def by_whom(self) -> str:
        """Who answered: "by alice", "automatically at the deadline"."""
        by = self.request.answered_by
        return by_whom(by.get_username() if by else "", self.request.source)

    @property
    def answer(self) -> AnswerSummary:
        """What was answered."""
        return answer_summary(self.request.response)


def block_reason(user: User, request: InputRequest) -> str:
    """Return why the run is blocked, if `user` may see all requests that it may quote."""
    error = request.run.error if isinstance(request.run.error, dict) else {}
    readable = error and RunAccess.of(user, request.run).to_state
    return str(error.get("message", "")) if readable else ""


def blocker(user: User, request: InputRequest) -> AnswerRefused | None:
    """Return the error that `user` would get for an answer now, or None."""
    try:
        check_open(request)
        check_permitted(user, request)
        check_claim(user, request)
        registry.get(request.run.workflow)
    except AnswerRefused as error:
        return error
    except UnknownWorkflow as error:
        return RequestBlocked(f"{error}")
    return None
