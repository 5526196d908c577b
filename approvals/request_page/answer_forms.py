"""Reads a posted answer: of a request with or without a reply class."""

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

    `allow` holds which of approve, reject and reply the request takes. What was typed stays in
    `comment` and `text`, so that a refused form is drawn as it was sent.
    """

    def __init__(self, allow: list[str], *, data: QueryDict | None = None) -> None:
        self.allow = frozenset(allow)
        self._data = data if data is not None else QueryDict()
        self.errors: list[str] = []
        self.field_errors: dict[str, str] = {}

    @property
    def has_errors(self) -> bool:
        """Whether anything was found wrong: by `answer()` itself, or by `set_errors`."""
        return bool(self.errors or self.field_errors)

    @property
    def takes_verdict(self) -> bool:
        """Whether the request can be approved or rejected, so that a comment makes sense."""
        return bool({"approve", "reject"} & self.allow)

    @property
    def reply_label(self) -> str:
        """What the field of a reply is called."""
        return "Send back with a note" if self.takes_verdict else "Reply"

    @property
    def comment(self) -> str:
        """What was typed beside the verdict."""
        return self._text("comment")

    @property
    def text(self) -> str:
        """What was typed as a reply."""
        return self._text("text")

    def answer(self) -> Any:
        """Return the response as it goes on the wire; None, with an error, if there is none.

        What would be lost is an error: text in the field that the pressed button does not send.
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
        """Show each error of `decide` at its field, unless reading had found one there."""
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
    """Return the form that answers `request`, filled with what was posted if anything was.

    Where others have approved with values of their own, it begins with those of the last of them.
    """
    if request.schema is None:
        return BareForm(request.allow, data=data)
    return SchemaForm(request.schema, initial=_approved_values(request), data=data)


def _approved_values(request: InputRequest) -> dict[str, Any] | None:
    """Return the answer of the latest approval that counts; None, without a query, if none is."""
    if not (request.votes and request.is_pending):
        return None
    counting = Approvals.of(request).counting
    response = counting[-1].response if counting else None
    return response if isinstance(response, dict) else None
