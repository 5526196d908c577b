"""One request as a person sees it: in which state it is for them, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approvals.door import check_open, check_permitted
from approvals.errors import (
    AlreadyAnswered,
    AnswerRefused,
    Closed,
    NotPermitted,
    RunBlocked,
    TooLarge,
)
from approvals.replies import BareForm, form_for
from approvals.trail import Trail
from approvals.verdict import Verdict, verdict_of
from workflows.engine import UnknownWorkflow, registry
from workflows.forms import SchemaForm
from workflows.models import InputRequest
from workflows.prose import Prompt

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Detail:
    """What the page of a request draws.

    `obstacle` is why this person cannot answer it now, `refusal` why the answer they just sent
    was not taken, `unsent` that answer; `accepted` says that it was taken.
    """

    request: InputRequest
    trail: Trail
    form: BareForm | SchemaForm
    obstacle: AnswerRefused | None
    refusal: AnswerRefused | None = None
    unsent: Any = None
    accepted: bool = False

    @classmethod
    def of(
        cls,
        user: User,
        request: InputRequest,
        *,
        form: BareForm | SchemaForm | None = None,
        refusal: AnswerRefused | None = None,
        unsent: Any = None,
        accepted: bool = False,
    ) -> Detail:
        """Read what belongs to `request`, which has its run at hand."""
        return cls(
            request,
            trail=Trail.of(request),
            form=form or form_for(request),
            obstacle=obstacle(user, request),
            refusal=refusal,
            unsent=unsent,
            accepted=accepted,
        )

    @property
    def prompt(self) -> Prompt:
        """What is asked, as it is drawn."""
        return Prompt.of(self.request.prompt)

    @property
    def is_bare(self) -> bool:
        """Whether the answer is a verdict or a text, without a schema."""
        return isinstance(self.form, BareForm)

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
    def is_forbidden(self) -> bool:
        """Whether this person may only read."""
        return isinstance(self.obstacle, NotPermitted)

    @property
    def shows_form(self) -> bool:
        """Whether the form is drawn; while the run is blocked it keeps what is typed."""
        return self.is_open and not self.is_forbidden

    @property
    def was_too_large(self) -> bool:
        """Whether the answer just sent passed a limit."""
        return isinstance(self.refusal, TooLarge)

    @property
    def came_late(self) -> bool:
        """Whether an answer was sent to a request that no longer took one."""
        return isinstance(self.refusal, AlreadyAnswered | Closed)

    @property
    def verdict(self) -> Verdict:
        """What was answered."""
        return verdict_of(self.request.response)


def obstacle(user: User, request: InputRequest) -> AnswerRefused | None:
    """Return what would keep `user` from answering now, state first; None if nothing would."""
    try:
        check_open(request)
        check_permitted(user, request)
        registry.get(request.run.workflow)
    except AnswerRefused as refusal:
        return refusal
    except UnknownWorkflow as error:
        return RunBlocked(f"{error}")
    return None
