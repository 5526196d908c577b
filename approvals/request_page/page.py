"""One request as a person sees it: in which state it is for them, and what they may do."""

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
    """What the page of a request draws.

    `blocker` is why this person cannot answer it now, `error` why what they just sent was not
    taken, `unsent_answer` that answer, `form_values` what was typed beside it; `accepted` says that
    it was taken.
    `block_reason` is why the run is blocked, empty where this person may not read it.
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
        """Read what belongs to `request`, which has its run at hand."""
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
        """What is asked, as it is drawn."""
        return Prompt.of(self.request.prompt)

    @property
    def buttons(self) -> list[AnswerButton]:
        """The ways to answer."""
        if isinstance(self.form, UntypedForm):
            return untyped_buttons(self.form, has_voted=self.collaboration.has_voted)
        return schema_buttons(self.form, has_voted=self.collaboration.has_voted)

    @property
    def is_open(self) -> bool:
        """Whether the request waits for an answer, be it not from this person or not just now."""
        return self.request.is_pending and not self.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether its time is over, though the sweep may not have written so yet."""
        return isinstance(self.blocker, Closed)

    @property
    def is_blocked(self) -> bool:
        """Whether the run takes no answers until its code is mended."""
        return isinstance(self.blocker, RequestBlocked)

    @property
    def is_stale(self) -> bool:
        """Whether it needs an operator: its form is not the one that the code has now."""
        return isinstance(self.blocker, StaleForm) or self.waits_past_default

    @property
    def waits_past_default(self) -> bool:
        """Whether it stayed open at its deadline because its default no longer fits."""
        by_default = self.request.on_deadline == OnDeadline.DEFAULT
        return self.is_open and by_default and self.request.overdue_at is not None

    @property
    def is_forbidden(self) -> bool:
        """Whether this person may only read."""
        return isinstance(self.blocker, NotPermitted)

    @property
    def needs_second_person(self) -> bool:
        """Whether this person started the run, and somebody else has to answer."""
        return isinstance(self.blocker, SecondPersonNeeded)

    @property
    def shows_form(self) -> bool:
        """Whether the form is drawn; while the run is blocked it keeps what is typed."""
        return self.is_open and not self.is_forbidden and not self.is_held

    @property
    def is_held(self) -> bool:
        """Whether somebody else has it in hand."""
        return isinstance(self.blocker, ClaimedByOther)

    @property
    def was_superseded(self) -> bool:
        """Whether the answer just sent was to an earlier version."""
        return isinstance(self.error, Superseded)

    @property
    def problem(self) -> str:
        """What else was refused just now, as a sentence."""
        shown = isinstance(
            self.error, AlreadyVoted | CannotReask | CannotUndo | ClaimedByOther | RateLimited
        )
        forbidden = isinstance(self.error, NotPermitted) and not self.is_forbidden
        return str(self.error) if shown or forbidden else ""

    @property
    def lost_edits(self) -> list[Change]:
        """What the person had made of the version before, after which it was changed."""
        unsent_answer = (
            self.unsent_answer
            if self.was_superseded and isinstance(self.unsent_answer, dict)
            else {}
        )
        return changed(self.request, unsent_answer)

    @property
    def was_too_large(self) -> bool:
        """Whether the answer just sent passed a limit."""
        return isinstance(self.error, ContentTooLarge)

    @property
    def came_late(self) -> bool:
        """Whether an answer was sent to a request that no longer took one."""
        return isinstance(self.error, AlreadyAnswered | Closed)

    @property
    def at_deadline(self) -> str:
        """What happens by itself at the deadline; empty without one."""
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
    """Return why the run is blocked, if that quotes no request that is hidden from `user`."""
    error = request.run.error if isinstance(request.run.error, dict) else {}
    readable = error and RunAccess.of(user, request.run).to_state
    return str(error.get("message", "")) if readable else ""


def blocker(user: User, request: InputRequest) -> AnswerRefused | None:
    """Return what would keep `user` from answering now, state first; None if nothing would."""
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
