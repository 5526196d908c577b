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
    NotPermitted,
    RunBlocked,
    SecondPersonNeeded,
    StaleForm,
    Superseded,
    TooLarge,
    TooOften,
)
from approvals.request_page.answer_forms import BareForm, form_for
from approvals.request_page.buttons import AnswerButton, bare_buttons, schema_buttons
from approvals.request_page.collaboration import Together
from approvals.request_page.consequence import Consequence
from approvals.request_page.deadline import deadline_words
from approvals.request_page.payload_edit_form import Change, EditForm, changed
from approvals.request_page.run_summary import Trail
from workflows.engine import UnknownWorkflow, registry
from workflows.models import InputRequest
from workflows.models.requests.deadlines import OnDeadline
from workflows.text.markdown import Prompt
from workflows.web.answer_labels import Verdict, by_whom, verdict_of
from workflows.web.forms import SchemaForm
from workflows.web.run_access import RunAccess

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Detail:
    """What the page of a request draws.

    `obstacle` is why this person cannot answer it now, `refusal` why what they just sent was not
    taken, `unsent` that answer, `posted` what was typed beside it; `accepted` says that it was.
    `block_reason` is why the run is blocked, empty where this person may not read it.
    """

    request: InputRequest
    trail: Trail
    together: Together
    form: BareForm | SchemaForm
    edits: EditForm
    obstacle: AnswerRefused | None
    reader: User
    refusal: AnswerRefused | None = None
    unsent: Any = None
    accepted: bool = False
    posted: dict[str, str] = field(default_factory=dict)
    block_reason: str = ""

    @classmethod
    def of(
        cls,
        user: User,
        request: InputRequest,
        *,
        form: BareForm | SchemaForm | None = None,
        edits: EditForm | None = None,
        refusal: AnswerRefused | None = None,
        unsent: Any = None,
        accepted: bool = False,
        posted: dict[str, str] | None = None,
    ) -> Detail:
        """Read what belongs to `request`, which has its run at hand."""
        together = Together.of(user, request)
        draft = together.draft.typed if together.draft else None
        hindrance = obstacle(user, request)
        return cls(
            request,
            trail=Trail.of(user, request),
            together=together,
            form=form or form_for(request, draft),
            edits=edits or EditForm(request, draft),
            obstacle=hindrance,
            reader=user,
            refusal=refusal,
            unsent=unsent,
            accepted=accepted,
            posted=posted or {},
            block_reason=block_reason(user, request) if isinstance(hindrance, RunBlocked) else "",
        )

    @property
    def prompt(self) -> Prompt:
        """What is asked, as it is drawn."""
        return Prompt.of(self.request.prompt)

    @property
    def buttons(self) -> list[AnswerButton]:
        """The ways to answer."""
        if isinstance(self.form, BareForm):
            return bare_buttons(self.form, has_voted=self.together.has_voted)
        return schema_buttons(self.form, has_voted=self.together.has_voted)

    @property
    def is_open(self) -> bool:
        """Whether the request waits for an answer, be it not from this person or not just now."""
        return self.request.is_pending and not self.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether its time is over, though the sweep may not have written so yet."""
        return isinstance(self.obstacle, Closed)

    @property
    def is_blocked(self) -> bool:
        """Whether the run takes no answers until its code is mended."""
        return isinstance(self.obstacle, RunBlocked)

    @property
    def is_stale(self) -> bool:
        """Whether it needs an operator: its form is not the one that the code has now."""
        return isinstance(self.obstacle, StaleForm) or self.waits_past_default

    @property
    def waits_past_default(self) -> bool:
        """Whether it stayed open at its deadline because its default no longer fits."""
        by_default = self.request.on_deadline == OnDeadline.DEFAULT
        return self.is_open and by_default and self.request.overdue_at is not None

    @property
    def is_forbidden(self) -> bool:
        """Whether this person may only read."""
        return isinstance(self.obstacle, NotPermitted)

    @property
    def needs_second_person(self) -> bool:
        """Whether this person started the run, and somebody else has to answer."""
        return isinstance(self.obstacle, SecondPersonNeeded)

    @property
    def shows_form(self) -> bool:
        """Whether the form is drawn; while the run is blocked it keeps what is typed."""
        return self.is_open and not self.is_forbidden and not self.is_held

    @property
    def is_held(self) -> bool:
        """Whether somebody else has it in hand."""
        return isinstance(self.obstacle, ClaimedByOther)

    @property
    def was_superseded(self) -> bool:
        """Whether the answer just sent was to an earlier version."""
        return isinstance(self.refusal, Superseded)

    @property
    def problem(self) -> str:
        """What else was refused just now, as a sentence."""
        shown = isinstance(
            self.refusal, AlreadyVoted | CannotReask | CannotUndo | ClaimedByOther | TooOften
        )
        forbidden = isinstance(self.refusal, NotPermitted) and not self.is_forbidden
        return str(self.refusal) if shown or forbidden else ""

    @property
    def lost_edits(self) -> list[Change]:
        """What the person had made of the version before, after which it was changed."""
        unsent = self.unsent if self.was_superseded and isinstance(self.unsent, dict) else {}
        return changed(self.request, unsent)

    @property
    def was_too_large(self) -> bool:
        """Whether the answer just sent passed a limit."""
        return isinstance(self.refusal, TooLarge)

    @property
    def came_late(self) -> bool:
        """Whether an answer was sent to a request that no longer took one."""
        return isinstance(self.refusal, AlreadyAnswered | Closed)

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
    def verdict(self) -> Verdict:
        """What was answered."""
        return verdict_of(self.request.response)


def block_reason(user: User, request: InputRequest) -> str:
    """Return why the run is blocked, if that quotes no request that is hidden from `user`."""
    error = request.run.error if isinstance(request.run.error, dict) else {}
    readable = error and RunAccess.of(user, request.run).to_state
    return str(error.get("message", "")) if readable else ""


def obstacle(user: User, request: InputRequest) -> AnswerRefused | None:
    """Return what would keep `user` from answering now, state first; None if nothing would."""
    try:
        check_open(request)
        check_permitted(user, request)
        check_claim(user, request)
        registry.get(request.run.workflow)
    except AnswerRefused as refusal:
        return refusal
    except UnknownWorkflow as error:
        return RunBlocked(f"{error}")
    return None
