"""The page of a batch: the selected requests in groups of one kind, each with its own values.

All groups are in one form, so that what was typed in a group is not lost when another group is
decided. The fields of a row are named `r.<request id>.<name>`, those of a group
`g.<group key>.<name>`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from django.http import QueryDict

from approvals.actions import Answer, Item
from approvals.actions.bulk import load_items, unfit
from approvals.bulk_page.buttons import BulkButton, bulk_button
from approvals.bulk_page.field_names import fields_of, with_prefix, with_verdict
from approvals.bulk_page.key_facts import key_facts
from approvals.errors import AlreadyVoted, AnswerRefused, Invalid, Superseded
from approvals.models import Decision
from approvals.request_page.answer_forms import UntypedForm
from approvals.request_page.consequence import Consequence
from approvals.request_page.page import blocker
from workflows.models import InputRequest
from workflows.web.answer_labels import AnswerSummary, answer_summary, by_whom
from workflows.web.forms import SchemaForm
from workflows.web.forms.field import Field

if TYPE_CHECKING:
    from django.contrib.auth.models import User

CHOSEN = "_id"
DIGEST = "_digest."
BUTTONS = {"approve": "true", "reject": "false"}


@dataclass(slots=True)
class Row:
    """One request of a batch: what it shows, what was typed for it, and its result.

    `is_chosen` is True if it will be decided with its group. `why_not` is the reason if it cannot
    be. `form` is its own form, or None if the group has one form for all rows. `error` is the
    reason if the last answer was refused; `is_decided` is True if it was accepted. `by_whom` is who
    answered it, as it follows a verb: "by you", "automatically at the deadline".
    """

    request_id: str
    request: InputRequest | None
    number: int
    form: SchemaForm | None = None
    is_chosen: bool = True
    why_not: AnswerRefused | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    error: str = ""
    is_decided: bool = False
    by_whom: str = ""

    @property
    def is_voted(self) -> bool:
        """True if this person has approved it, and others have to approve it, too."""
        return isinstance(self.why_not, AlreadyVoted)

    @property
    def refusal(self) -> str:
        """The reason why it was not decided, or why it cannot be decided."""
        return self.error or ("" if self.why_not is None else str(self.why_not))

    @property
    def shows_refusal(self) -> bool:
        """True if it must be said that it was not decided."""
        return bool(self.refusal) and not self.is_voted

    @property
    def is_open(self) -> bool:
        """True if it can be decided here."""
        return self.request is not None and self.request.is_pending and self.why_not is None

    @property
    def takes_values(self) -> bool:
        """True if values can be typed for it alone."""
        return self.is_open and self.form is not None

    @property
    def answer(self) -> AnswerSummary:
        """What was answered."""
        assert self.request
        return answer_summary(self.request.response)

    @property
    def consequence(self) -> Consequence | None:
        """What an approval does, if this is still true."""
        return Consequence.of(self.request) if self.request and self.is_open else None

    @property
    def prefix(self) -> str:
        """The prefix of the names of its fields."""
        return f"r.{self.request_id}."

    @property
    def fields(self) -> list[Field]:
        """Its fields, with the prefix."""
        return with_prefix(self.form.fields, self.prefix) if self.form else []

    @property
    def has_errors(self) -> bool:
        """True if a value that was typed for it is not valid."""
        return self.form is not None and self.form.has_errors


@dataclass(slots=True)
class Group:
    """Rows that take the same answer. `untyped` is their common form, if they have no schema."""

    key: str
    rows: list[Row]
    allow: frozenset[str]
    untyped: UntypedForm | None

    @property
    def title(self) -> str:
        """The workflow of the requests."""
        assert self.rows[0].request
        return self.rows[0].request.run.workflow

    @property
    def prefix(self) -> str:
        """The prefix of the names of the common fields."""
        return f"g.{self.key}."

    @property
    def fields(self) -> list[Field]:
        """The common fields of all rows, with the prefix of the group."""
        return with_prefix(self.untyped.fields, self.prefix) if self.untyped else []

    @property
    def open_rows(self) -> list[Row]:
        """The rows that can still be decided."""
        return [row for row in self.rows if row.is_open]

    @property
    def has_verdict(self) -> bool:
        """True if there are the buttons Approve and Reject; otherwise there is one Send."""
        return any(row.form is not None and row.form.has_verdict for row in self.rows)

    @property
    def reply_kinds(self) -> list[str]:
        """The kinds of answers that the buttons give."""
        if self.untyped is not None:
            return [name for name in ("approve", "reject", "reply") if name in self.allow]
        return ["approve", "reject"] if self.has_verdict else ["send"]

    @property
    def buttons(self) -> list[BulkButton]:
        """The buttons of `reply_kinds`."""
        return [bulk_button(kind) for kind in self.reply_kinds]

    @property
    def has_errors(self) -> bool:
        """True if a value is not valid, so that nothing of the group was decided."""
        shared = self.untyped is not None and self.untyped.has_errors
        return shared or any(row.has_errors for row in self.rows)


@dataclass(slots=True)
class Batch:
    """All selected requests, as one person sees them. `hidden` are those they may not see."""

    groups: list[Group]
    hidden: list[Row]

    @classmethod
    def of(cls, user: User, ids: Sequence[str], data: QueryDict | None) -> Self:
        """Read the requests, and what was typed for them; raise `TooMany`."""
        groups: dict[str, list[Row]] = {}
        hidden = []
        for number, item in enumerate(load_items(user, ids)):
            if item.request is None:
                hidden.append(Row(item.request_id, None, number, error=str(item.refusal)))
                continue
            row = _row(user, item, number, data)
            groups.setdefault(kind_of(item.request), []).append(row)
        return cls([_group(key, rows, data) for key, rows in groups.items()], hidden)

    @property
    def rows(self) -> Iterator[Row]:
        """All visible rows."""
        return (row for group in self.groups for row in group.rows)

    @property
    def is_open(self) -> bool:
        """True if any row can still be decided."""
        return any(row.is_open for row in self.rows)

    def group(self, key: str) -> Group | None:
        """Return the group of this key."""
        return next((group for group in self.groups if group.key == key), None)


def answers_of(group: Group, verdict: str, data: QueryDict) -> dict[str, Answer]:
    """Return the answer to each chosen row, by id. Errors are added to their fields.

    A row that was changed since the page was rendered is not answered, and shows this. A row that
    is no longer open is kept: the refusal says what happened to it.
    """
    answers = {}
    if group.untyped is not None:
        group.untyped = _untyped_form(
            group.key, sorted(group.allow), with_verdict(data, group.prefix, verdict)
        )
    for row in (row for row in group.rows if row.is_chosen):
        assert row.request
        digest = data.get(DIGEST + row.request_id, "")
        if row.is_open and digest != row.request.version:
            row.error = str(Superseded(row.request.pk, digest=row.request.version))
            row.is_chosen = False
            continue
        answers[row.request_id] = Answer(_response(group, row, verdict, data), digest)
    return answers


def _response(group: Group, row: Row, verdict: str, data: QueryDict) -> Any:
    assert row.request
    form: UntypedForm | SchemaForm
    if group.untyped is not None:
        form = group.untyped
    else:
        said = fields_of(data, row.prefix)
        if verdict in BUTTONS:
            said["approved"] = BUTTONS[verdict]
        schema = row.request.schema or {}
        form = row.form = SchemaForm(schema, data=said, prefix_id=f"r{row.number}-")
    response = form.answer()
    problem = unfit(row.request, response) if row.is_open else None
    if isinstance(problem, Invalid):
        form.set_errors(problem.errors)
    elif problem is not None:
        form.errors.append(str(problem))
    return response


def _row(user: User, item: Item, number: int, data: QueryDict | None) -> Row:
    request = item.request
    assert request
    row = Row(item.request_id, request, number)
    is_own = request.answered_by_id == user.pk
    name = str(request.answered_by or "")
    row.by_whom = by_whom("you" if is_own else name, request.source)
    if request.is_pending:
        row.why_not = blocker(user, request) or _voted(user, request)
    if data is not None:
        row.is_chosen = item.request_id in data.getlist(CHOSEN)
    if request.schema is not None:
        said = fields_of(data, row.prefix) if data is not None else None
        row.form = SchemaForm(request.schema, data=said, prefix_id=f"r{number}-")
    return row


def _voted(user: User, request: InputRequest) -> AlreadyVoted | None:
    if not request.votes:
        return None
    own_votes = Decision.objects.effective().filter(
        request=request, by=user, kind=Decision.Kind.VOTE
    )
    voted = AlreadyVoted(request.pk, votes=request.votes, quorum=request.quorum)
    return voted if own_votes.exists() else None


def _group(key: str, rows: list[Row], data: QueryDict | None) -> Group:
    first = rows[0].request
    assert first
    untyped = None
    if first.schema is None:
        said = fields_of(data, f"g.{key}.") if data is not None else None
        untyped = _untyped_form(key, first.allow, said)
    payloads = [row.request.effective_payload if row.request else None for row in rows]
    for row, facts in zip(rows, key_facts(payloads), strict=True):
        row.facts = facts
    return Group(key, rows, frozenset(first.allow), untyped)


def _untyped_form(key: str, allow: list[str], data: QueryDict | None) -> UntypedForm:
    return UntypedForm(allow, data=data, prefix_id=f"{key}-", note="the same for each")


def kind_of(row: InputRequest) -> str:
    """Return a short key that is equal for requests that take the same answer."""
    kind = [row.run.workflow, row.event, row.schema, sorted(row.allow)]
    return hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()[:16]
