"""A file chosen instead of typing: read as text, or refused with the place that is not."""

from __future__ import annotations

import codecs
from typing import Any

from django.core.files.uploadedfile import UploadedFile

PREFIX = "_file."
"""A field's file travels under this and the field's name."""


class Unreadable(ValueError):
    """A file that is too large or not UTF-8; the sentence is for its field."""


def read_text(file: UploadedFile[Any], *, max_bytes: int) -> str:
    """The text of `file`, UTF-8 without its byte order mark, or `Unreadable`."""
    raw = file.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise Unreadable(f"The file {file.name} has more than the {max_bytes:,} bytes allowed.")
    try:
        return bytes(raw).removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        skipped = len(raw) - len(error.object)
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise Unreadable(
            f"The file {file.name} is not UTF-8: byte 0x{byte:02x} at offset "
            f"{error.start + skipped:,}, line {line:,}. Save it as UTF-8 and choose it again."
        ) from None
