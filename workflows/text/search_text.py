"""Folds texts for searching: without case, accents and invisible characters.

Databases differ in folding: SQLite ignores the case of ASCII only, and PostgreSQL needs an
extension for accents. So a text is folded here once, when it is stored.
"""

from __future__ import annotations

import re
import unicodedata

from workflows.text.invisible_characters import IGNORABLE

# Accents over Latin, Greek and Cyrillic letters, points of Hebrew and Arabic. Not the vowels of
# Indic scripts nor the marks of Japanese, which make other letters.
_MARKS = (
    (0x0300, 0x036F), (0x0591, 0x05BD), (0x064B, 0x065F), (0x0670, 0x0670), (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F),
)  # fmt: skip
_DROPPED = re.compile(
    f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in _MARKS)}{IGNORABLE}\x00]"
)
# Letters with a stroke, which Unicode does not decompose.
_PLAIN = str.maketrans(
    {
        "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h",
        "ŧ": "t", "ı": "i", "ŋ": "n",
    }
)  # fmt: skip


def fold(text: str) -> str:
    """Return the text in folded form: `ÄRGER  in\\nZürich` is `arger in zurich`."""
    if text.isascii():
        return " ".join(text.lower().split())
    apart = unicodedata.normalize("NFKD", text).casefold()
    plain = _DROPPED.sub("", unicodedata.normalize("NFKD", apart)).translate(_PLAIN)
    return " ".join(unicodedata.normalize("NFC", plain).split())


def fold_tags(tags: list[str]) -> str:
    """Return tags as one text, each with a line break before and after it."""
    return "".join(f"\n{fold(tag)}\n" for tag in tags)
