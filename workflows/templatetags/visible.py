"""Characters that steer or hide text, made visible: untrusted text must read as it is stored."""

from __future__ import annotations

import re

# Controls but tab and newline, marks of direction, invisible separators and joiners of words,
# tags that no screen shows, and lone surrogates, which no response could even encode. Not the
# zero-width joiners: emoji and Persian need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """`text` with each hidden character as its code point: `⟨U+202E⟩`."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


def has_hidden(text: str) -> bool:
    """Whether `text` holds a character that `visible` would mark."""
    return _HIDDEN.search(text) is not None
