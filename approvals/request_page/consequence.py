"""The sentence of the workflow about what an approval does, and whether it is still true."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.models import InputRequest


@dataclass(frozen=True, slots=True)
class Consequence:
    """A sentence of the workflow, and an introduction that says when it is true.

    The sentence was written for the original payload. After an edit it may be wrong, so
    `is_outdated` is True and the page strikes it out.
    """

    lead: str
    text: str
    is_outdated: bool = False

    @classmethod
    def of(cls, request: InputRequest) -> Consequence | None:
        """Return the sentence beside the buttons; None if the workflow gave none."""
        text = request.if_approved
        if not text:
            return None
        if request.edits:
            lead = "Written before the changes, for the values as they were asked:"
            return cls(lead, text, is_outdated=True)
        as_asked = " as it was asked" if request.editable else ""
        if request.quorum > 1:
            return cls(f"Once {request.quorum} people have approved this{as_asked}:", text)
        return cls(f"If you approve{' it' if as_asked else ''}{as_asked}:", text)
