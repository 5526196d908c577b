"""A time with the name of its zone, as people read it."""

from __future__ import annotations

from datetime import datetime, time

from django.utils.dateformat import format as formatted
from django.utils.dateformat import time_format

from workflows.engine.schemas.zoned_times import keeps_more, read_outside_time

MAX_LENGTH = 120


def zoned_words(text: str) -> str:
    """Return `25 October 2026, 02:30 (Europe/Berlin, +01:00)` for the text of such a time.

    Return nothing for any other text, so that it is shown as it is.
    """
    if len(text) > MAX_LENGTH:
        return ""
    for kind in (datetime, time):
        try:
            value = read_outside_time(kind, text)
        except (ValueError, OverflowError):
            continue
        return _words(value) if keeps_more(value) else ""
    return ""


def _words(value: datetime | time) -> str:
    clock = "H:i:s.u" if value.microsecond else "H:i:s" if value.second else "H:i"
    if isinstance(value, time):
        shown = time_format(value, clock)
    else:
        shown = formatted(value, f"j F Y, {clock}")
    offset = value.isoformat().removeprefix(value.replace(tzinfo=None).isoformat())
    parts = [getattr(value.tzinfo, "key", ""), offset]
    if value.fold and not value.tzinfo:
        parts.append("the second time that the clock shows it")
    return f"{shown} ({', '.join(filter(None, parts))})"
