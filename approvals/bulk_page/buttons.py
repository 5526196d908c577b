"""The buttons that answer the selected requests of a group."""

from __future__ import annotations

from typing import NamedTuple

TONES = {"approve": "go", "send": "go", "reject": "no"}


class BulkButton(NamedTuple):
    """One button: what it decides, its label before "selected", and the class of its colour."""

    kind: str
    label: str
    preposition: str
    tone: str


def bulk_button(kind: str) -> BulkButton:
    """Return the button that gives this kind of reply: approve, reject, reply or send."""
    preposition = "to " if kind == "reply" else ""
    return BulkButton(kind, kind.capitalize(), preposition, TONES.get(kind, ""))
