"""The buttons that answer a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from approvals.request_page.answer_forms import UntypedForm
    from workflows.web.forms import SchemaForm


class AnswerButton(NamedTuple):
    """One button. It posts `value` as `name`; `tone` is the class of its colour.

    `action` is what the scripts call it, `key` the shortcut that leads to it.
    """

    label: str
    name: str = ""
    value: str = ""
    tone: str = ""
    action: str = ""
    key: str = ""


APPROVE = AnswerButton("Approve", "verdict", "approve", "go", "approve", "a")
REJECT = AnswerButton("Reject", "verdict", "reject", "no", "reject", "r")
REPLY = AnswerButton("Reply", "verdict", "reply")
SEND = AnswerButton("Send", tone="go")


def untyped_buttons(form: UntypedForm, *, has_voted: bool) -> list[AnswerButton]:
    """Return the buttons of a request without a schema. Nobody approves twice."""
    return [
        button
        for button in (APPROVE, REJECT, REPLY)
        if button.value in form.allow and not (has_voted and button is APPROVE)
    ]


def schema_buttons(form: SchemaForm, *, has_voted: bool) -> list[AnswerButton]:
    """Return the buttons of a typed answer, which has its verdict in the field `approved`."""
    if not form.has_verdict:
        return [SEND]
    approve = APPROVE._replace(name="approved", value="true")
    reject = REJECT._replace(name="approved", value="false")
    return [reject] if has_voted else [approve, reject]
