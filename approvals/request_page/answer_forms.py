"""Reads a posted answer to a request with or without a reply class."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from approvals.eligibility.votes import Approvals
from workflows.models import InputRequest
from workflows.web.forms import Field, Form, SchemaForm
from workflows.web.forms.form_spec import Widget
from workflows.web.forms.inputs.texts import unix_newlines

MISPLACED = {
    "text": "You wrote a reply. Send it with Reply, or clear it first.",
    "comment": "A comment goes with Approve or Reject. Clear it, or move it into the reply.",
}


class UntypedForm(Form):
    """The form of a request without a schema: `verdict`, `comment`, and `text` for a reply.

    `allow` lists the accepted answers: approve, reject, reply. What was typed is kept in the
    fields, so that a refused form is shown as it was sent. `note` is shown beside each field.
    """

    def __init__(
        self,
        allow: list[str],
        *,
        data: QueryDict | None = None,
        prefix_id: str = "",
        note: str = "",
    ) -> None:
        super().__init__()
        self.allow = frozenset(allow)
        self._data = data if data is not None else QueryDict()
        self._prefix_id = prefix_id
        self._note = note
        self._field_errors: dict[str, str] = {}

    @property
    def takes_verdict(self) -> bool:
        """True if the request can be approved or rejected, so that it has a comment field."""
        return bool({"approve", "reject"} & self.allow)

    @property
    def fields(self) -> list[Field]:
        """The comment of a verdict, and the text of a reply."""
        fields = []
        if self.takes_verdict:
            fields.append(self._field("comment", "Comment", "optional"))
        if "reply" in self.allow and self.takes_verdict:
            help_text = "Sent with the button Reply, in place of a decision."
            fields.append(self._field("text", "Send back with a note", help_text))
        elif "reply" in self.allow:
            fields.append(self._field("text", "Reply", "An answer in your own words."))
        return fields

    def answer(self) -> Any:
        """Return the response; return None and add an error if there is none.

        Text in a field that the pressed button does not send is an error, because it would be lost.
        """
        self.errors, self._field_errors = [], {}
        match self._data.get("verdict", ""):
            case "reply":
                self._expect_empty("comment")
                text = self._text("text")
                if not text.strip():
                    self._field_errors["text"] = "Write the reply first."
                return text
            case "approve" | "reject" as verdict:
                self._expect_empty("text")
                answer: dict[str, Any] = {"approved": verdict == "approve"}
                comment = self._text("comment")
                return answer | {"comment": comment} if comment.strip() else answer
        self.errors.append("Choose one of the buttons.")
        return None

    def set_errors(self, errors: list[dict[str, Any]]) -> None:
        """Add each error of `decide` to its field, unless the field has an error already."""
        if self.has_errors:
            return
        names = {field.name for field in self.fields}
        for error in errors:
            name = next(iter(reversed(error.get("loc", ()))), "")
            if not error.get("loc") and self._data.get("verdict") == "reply":
                name = "text"
            if name in names:
                self._field_errors[name] = str(error["msg"])
            else:
                self.errors.append(str(error["msg"]))

    def _field(self, name: str, label: str, help_text: str) -> Field:
        return Field(
            name=name,
            label=label,
            widget=Widget.LONG_TEXT,
            required=False,
            id=self._prefix_id + name,
            help=f"{help_text.rstrip('.')} · {self._note}" if self._note else help_text,
            attrs={"rows": "2"},
            value=self._text(name),
            errors=[self._field_errors[name]] if name in self._field_errors else [],
            is_paired=True,
        )

    def _expect_empty(self, name: str) -> None:
        if self._text(name).strip():
            self._field_errors[name] = MISPLACED[name]

    def _text(self, name: str) -> str:
        return unix_newlines(self._data.get(name, ""))


def form_for(request: InputRequest, data: QueryDict | None = None) -> UntypedForm | SchemaForm:
    """Return the form that answers `request`, filled with the posted values if there are any.

    If others have approved with a form, it begins with the values of the last of them.
    """
    if request.schema is None:
        return UntypedForm(request.allow, data=data)
    return SchemaForm(request.schema, initial=_approved_values(request), data=data)


def _approved_values(request: InputRequest) -> dict[str, Any] | None:
    """Return the answer of the latest approval that counts; None if there are no approvals."""
    if not (request.votes and request.is_pending):
        return None
    counting = Approvals.of(request).counting
    response = counting[-1].response if counting else None
    return response if isinstance(response, dict) else None
