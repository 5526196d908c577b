"""Which texts deserve room, and which input the browser should offer for the others."""

from __future__ import annotations

import re

from workflows.forms.schema import JSONSchema

LONG_FROM = 200
"""A text that may be longer than this many characters gets a textarea."""

_LONG_NAMES = re.compile(
    r"(text|body|notes?|comments?|remarks?|message|description|summary|details?|content|"
    r"explanation|justification|feedback|csv|claims|document|markdown|draft|letter|reply)$"
)
_SHORT_NAMES = re.compile(
    r"(name|title|email|mail|phone|id|key|code|url|link|city|country|street|team|user|owner|"
    r"currency|language|tag|label|version|account|number|subject|topic)$"
)
_NOTE_NAMES = re.compile(r"(notes?|comments?|remarks?|feedback)$")
# What a Python and a JavaScript expression surely mean alike; of others the server alone judges.
_PLAIN_PATTERN = re.compile(r"(?:[A-Za-z0-9_ \-.,:;#/@^$*+?{}|\[\]()]|\\[dsS.\-/])*")

_KEYBOARDS = {"email": "email", "uri": "url", "ipv4": "decimal"}


def is_long(node: JSONSchema, key: str, *, uploads: bool) -> bool:
    """Whether a text gets a textarea: by its bound, else by its media type, default or name.

    With `uploads` an unbounded text is long unless its name says otherwise, since only a long one
    can be uploaded.
    """
    if node.get("format"):
        return False
    bound = node.get("maxLength")
    if isinstance(bound, int):
        return bound > LONG_FROM
    if "contentMediaType" in node or "\n" in str(node.get("default", "")):
        return True
    if uploads and not node.get("pattern"):
        return not _SHORT_NAMES.search(key.lower())
    return bool(_LONG_NAMES.search(key.lower()))


def rows(key: str) -> int:
    """Lines of an empty textarea: a remark is smaller than a document."""
    return 2 if _NOTE_NAMES.search(key.lower()) else 6


def keyboard(node: JSONSchema) -> str | None:
    """The `inputmode` of a one-line text, if a phone should show other keys than usual."""
    return _KEYBOARDS.get(str(node.get("format")))


def html_pattern(pattern: object) -> str | None:
    """A schema's `pattern` (found anywhere) as HTML's (the whole text), or None if in doubt."""
    if not isinstance(pattern, str) or "(?" in pattern or not _PLAIN_PATTERN.fullmatch(pattern):
        return None
    return f".*(?:{pattern}).*"
