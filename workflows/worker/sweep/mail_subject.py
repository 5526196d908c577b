"""A text of unknown origin as one line that is safe in the header of a mail."""

from __future__ import annotations

import re
import unicodedata

from workflows.text.invisible_characters import IGNORABLE

MAX_LENGTH = 100  # characters

_IGNORABLE = re.compile(f"[{IGNORABLE}]")


def subject_line(text: str) -> str:
    """Return the first line of `text` that shows something, cut to `MAX_LENGTH` characters.

    Control characters, marks of direction and other invisible characters are removed. The result
    is empty if no character is left.
    """
    lines = (_clean(line) for line in text.splitlines())
    line = next((line for line in lines if line), "")
    return line if len(line) <= MAX_LENGTH else line[: MAX_LENGTH - 1].rstrip() + "…"


def _clean(line: str) -> str:
    kept = (" " if one.isspace() else one for one in _IGNORABLE.sub("", line))
    shown = (one for one in kept if unicodedata.category(one)[0] != "C")
    return " ".join("".join(shown).split())
