"""Points in time between the wire (UTC, ISO 8601) and an input in the reader's own zone."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime


class NoSuchTime(ValueError):
    """A time that the reader's clock skips, when it is put forward."""


def zone_of(name: str | None) -> zoneinfo.ZoneInfo | None:
    """The zone of this name, if there is one: it can leave the machine's database later.

    Python keeps the zones it has read. A list of all of them is read from the disk, file by file.
    """
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        return None


def zone_words() -> str:
    """Say which zone the reader's times are in: `time in Europe/Berlin`."""
    return f"time in {timezone.get_current_timezone_name()}"


def to_local(text: str) -> str:
    """What was typed, as a time of no zone (`2026-03-01T09:30:00`); other text as it is."""
    moment = _parsed(text)
    return text if moment is None else moment.isoformat()


def to_wire(text: str) -> str:
    """What was typed, as UTC (`2026-03-01T09:30:00Z`); text that is no time comes back as it is.

    Without an offset it is the reader's local time; of a time that comes twice, the first.
    Raises `NoSuchTime`.
    """
    moment = _parsed(text)
    if moment is None:
        return text
    try:
        if timezone.is_naive(moment):
            local = timezone.make_aware(moment)
            if _is_skipped(local):
                raise NoSuchTime(f"{text} does not exist in {timezone.get_current_timezone_name()}")
            moment = local
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:  # the first and the last day of the calendar
        return text


def _is_skipped(local: datetime) -> bool:
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    return back.replace(tzinfo=None) != local.replace(tzinfo=None)


def to_input(text: str) -> str:
    """A wire value as `datetime-local` takes it; what is no time comes back as it is."""
    moment = _parsed(text)
    if moment is None:
        return text
    try:
        local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    except OverflowError:
        return text
    spec = "minutes" if not (local.second or local.microsecond) else "seconds"
    return local.replace(tzinfo=None).isoformat(timespec=spec)


def _parsed(text: str) -> datetime | None:
    try:
        return parse_datetime(text.strip())
    except ValueError:  # well formed, but no day of any calendar
        return None
