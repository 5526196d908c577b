"""Makes characters visible that reorder or hide text, so that text is shown as it is stored.

Pages, the admin, mails and links use this list of characters.
"""

from __future__ import annotations

import re
import unicodedata

# `Default_Ignorable_Code_Point` of Unicode's DerivedCoreProperties, 4,174 code points: what fonts
# draw as nothing. The ranges are first and last code point.
IGNORABLE_RANGES = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Controls but tab and newline, the separators of lines and paragraphs, anchors of annotations, and
# lone surrogates, which no response could even encode.
_CONTROLS = (
    (0x0000, 0x0008), (0x000B, 0x001F), (0x007F, 0x009F), (0x2028, 0x2029), (0xFFF9, 0xFFFB),
    (0xD800, 0xDFFF),
)  # fmt: skip

IGNORABLE = "".join(f"{chr(first)}-{chr(last)}" for first, last in IGNORABLE_RANGES)
"""The ranges within a character class of a regular expression."""

_HIDDEN = re.compile(
    f"[{IGNORABLE}{''.join(f'{chr(first)}-{chr(last)}' for first, last in _CONTROLS)}]"
)
_JOINERS = "\u200c\u200d"
_STYLES = "\ufe0e\ufe0f"  # text or emoji
_JOINED_SCRIPTS = re.compile("[\u0600-\u0dff\u1000-\u109f\u1780-\u18af\ua840-\ua8ff\ufb50-\ufdff]")
_EMOJI_ELSEWHERE = "\u203c\u2049\u2139\u2194\u2195\u2934\u2935\u3030"  # no symbols by category
_VIRAMA = 9  # the combining class


def show_invisibles(text: str) -> str:
    """Return `text` with each hidden character as its code point: `⟨U+202E⟩`."""
    return _HIDDEN.sub(_mark, text.replace("\r\n", "\n"))


def has_hidden(text: str) -> bool:
    """Return True if `text` has a hidden character."""
    return any(not _is_needed(found) for found in _HIDDEN.finditer(text))


def _mark(found: re.Match[str]) -> str:
    return found[0] if _is_needed(found) else f"⟨U+{ord(found[0]):04X}⟩"


def _is_needed(found: re.Match[str]) -> bool:
    """Return True if the character changes how its neighbours look, as in Persian and in emoji."""
    before = found.string[found.start() - 1 : found.start()]
    after = found.string[found.end() : found.end() + 1]
    if not before:
        return False
    if found[0] in _STYLES:
        return _is_emoji(before) or (before in "0123456789#*" and after == "\u20e3")
    if found[0] not in _JOINERS:
        return False
    if _is_of_joined_script(before):
        ends_word = found[0] == "\u200d" and unicodedata.combining(before) == _VIRAMA
        return ends_word or _is_of_joined_script(after)
    is_pair = (_is_emoji(before) or before in _STYLES or _is_skin(before)) and _is_emoji(after)
    return found[0] == "\u200d" and is_pair


def _is_of_joined_script(character: str) -> bool:
    return bool(_JOINED_SCRIPTS.match(character)) and unicodedata.category(character)[0] in "LM"


def _is_emoji(character: str) -> bool:
    return bool(character) and (
        unicodedata.category(character) == "So" or character in _EMOJI_ELSEWHERE
    )


def _is_skin(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"
