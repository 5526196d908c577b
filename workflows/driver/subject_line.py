"""A text of unknown origin as one line that is safe in the header of a mail."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 100  # characters

# Default-ignorable code points that are no format characters: fillers and variation selectors.
_FILLERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def subject_line(text: str) -> str:
    """Return the first line of `text` that shows something, cut to `LONGEST` characters.

    Control characters, marks of direction and whatever else is invisible is left out; empty if
    nothing is left.
    """
    lines = (_clean(line) for line in text.splitlines())
    line = next((line for line in lines if line), "")
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def _clean(line: str) -> str:
    kept = (" " if one.isspace() else one for one in _FILLERS.sub("", line))
    shown = (one for one in kept if unicodedata.category(one)[0] != "C")
    return " ".join("".join(shown).split())
