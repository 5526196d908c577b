"""Which texts get a large input, and which input the browser should offer for the others."""

from __future__ import annotations

import re

from workflows.web.forms.json_schema import JSONSchema

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
    if has_line_ends(str(node.get("default", ""))):
        return True  # a one-line input would drop them
    bound = node.get("maxLength")
    if isinstance(bound, int):
        return bound > LONG_FROM
    if "contentMediaType" in node:
        return True
    if uploads and not node.get("pattern"):
        return not _SHORT_NAMES.search(key.lower())
    return bool(_LONG_NAMES.search(key.lower()))


def has_line_ends(text: str) -> bool:
    """Whether a text has more than one line, by any line end."""
    return "\n" in text or "\r" in text


def unix_newlines(text: str) -> str:
    """A text with each line end, CRLF or CR, as LF: what a browser makes of it and sends back."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def same_as_sent(drawn: str, sent: str) -> bool:
    """Whether a browser that was given `drawn` sends `sent` if nobody touches the field."""
    return unix_newlines(drawn) == unix_newlines(sent)


def with_line_ends_of(before: str, text: str) -> str:
    """A text of LF line ends with those of `before`, where all of its are of one other kind."""
    for end in ("\r\n", "\r"):
        if end in before and not has_line_ends(before.replace(end, "")):
            return text.replace("\n", end)
    return text


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
