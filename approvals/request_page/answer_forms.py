"""Reads a posted answer to a request with or without a reply class."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from approvals.eligibility.votes import Approvals
from workflows.models import InputRequest
from workflows.web.forms import SchemaForm

MISPLACED = {
    "text": "You wrote a reply. Send it with Reply, or clear it first.",
    "comment": "A comment goes with Approve or Reject. Clear it, or move it into the reply.",
}


class BareForm:
    """The form of a request without a schema: `verdict`, `comment`, and `text` for a reply.

    `allow` lists the accepted answers: approve, reject, reply. What was typed is kept in `comment`
    and `text`, so that a refused form is shown as it was sent.
    """

    def __init__(self, allow: list[str], *, data: QueryDict | None = None) -> None:
        self.allow = frozenset(allow)
        self._data = data if data is not None else QueryDict()
        self.errors: list[str] = []
        self.field_errors: dict[str, str] = {}

    @property
    def has_errors(self) -> bool:
        """True if there are errors, from `answer()` or from `set_errors`."""
        return bool(self.errors or self.field_errors)

    @property
    def takes_verdict(self) -> bool:
        """True if the request can be approved or rejected, so that it has a comment field."""
        return bool({"approve", "reject"} & self.allow)

    @property
    def comment(self) -> str:
        """The typed comment."""
        return self._text("comment")

    @property
    def text(self) -> str:
        """The typed reply."""
        return self._text("text")

    def answer(self) -> Any:
        """Return the response; return None and add an error if there is none.

        Text in a field that the pressed button does not send is an error, because it would be lost.
        """
        match self._data.get("verdict", ""):
            case "reply":
                self._expect_empty("comment")
                if not self.text.strip():
                    self.field_errors["text"] = "Write the reply first."
                return self.text
            case "approve" | "reject" as verdict:
                self._expect_empty("text")
                answer: dict[str, Any] = {"approved": verdict == "approve"}
                return answer | {"comment": self.comment} if self.comment.strip() else answer
        self.errors.append("Choose one of the buttons.")
        return None

    def set_errors(self, errors: list[dict[str, Any]]) -> None:
        """Add each error of `decide` to its field, unless the field has an error already."""
        if self.has_errors:
            return
        for error in errors:
            name = next(iter(reversed(error.get("loc", ()))), "")
            if not error.get("loc") and self._data.get("verdict") == "reply":
                name = "text"
            if name in ("comment", "text"):
                self.field_errors[name] = str(error["msg"])
            else:
                self.errors.append(str(error["msg"]))

    def _expect_empty(self, name: str) -> None:
        if self._text(name).strip():
            self.field_errors[name] = MISPLACED[name]

    def _text(self, name: str) -> str:
        return self._data.get(name, "").replace("\r\n", "\n")


def form_for(request: InputRequest, data: QueryDict | None = None) -> BareForm | SchemaForm:
    """Return the form that answers `request`, filled with the posted values if there are any.

    If others have approved with a form, it begins with the values of the last of them.
    """
    if request.schema is None:
        return BareForm(request.allow, data=data)
    return SchemaForm(request.schema, initial=_approved_values(request), data=data)


def _approved_values(request: InputRequest) -> dict[str, Any] | None:
    """Return the answer of the latest approval that counts; None if there are no approvals."""
    if not (request.votes and request.is_pending):
        return None
    counting = Approvals.of(request).counting
    response = counting[-1].response if counting else None
    return response if isinstance(response, dict) else None
