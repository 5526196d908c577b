"""What an approval does, as the workflow wrote it, and of which values that is true."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.models import InputRequest


@dataclass(frozen=True, slots=True)
class Consequence:
    """A sentence of the workflow, and words before it that keep it from saying what is not so.

    The sentence was written for the payload as it was asked. Once that was edited, it describes
    what is no longer proposed, so `is_outdated` says to draw it as such.
    """

    lead: str
    text: str
    is_outdated: bool = False

    @classmethod
    def of(cls, request: InputRequest) -> Consequence | None:
        """Return what stands beside the buttons; None where the workflow said nothing."""
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
