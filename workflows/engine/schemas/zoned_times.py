"""Times as text with the name of their zone and their fold, in the form of RFC 9557.

`2026-10-25T02:30:00+01:00[Europe/Berlin][_fold=1]`: the local time, the zone and the fold are read
back. The offset is only for readers. A time without a zone or a fold is plain ISO 8601.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import TypeVar, overload
from zoneinfo import ZoneInfo

from workflows.engine.errors import UnstorableValue

_FOLD = "[_fold=1]"

Moment = TypeVar("Moment", datetime, time)


def write_time(value: datetime | time) -> str:
    """Return the text of a time; raise `UnstorableValue` for a zone that has no name."""
    zone = value.tzinfo
    text = value.isoformat()
    if isinstance(zone, ZoneInfo):
        if zone.key is None:
            raise UnstorableValue("A time in a zone without a name cannot be stored.")
        text = f"{text}[{zone.key}]"
    elif zone is not None and fixed_offset(zone) is None:
        kind = f"{type(zone).__module__}.{type(zone).__qualname__}"
        raise UnstorableValue(
            f"A time in a zone of the type {kind} cannot be stored; zoneinfo.ZoneInfo can."
        )
    return text + _FOLD if value.fold else text


def keeps_more(value: datetime | time) -> bool:
    """Return True if a time has a named zone or a fold, which ISO 8601 cannot express."""
    return bool(value.fold) or isinstance(value.tzinfo, ZoneInfo)


@overload
def read_time(kind: type[datetime], text: str) -> datetime: ...
@overload
def read_time(kind: type[time], text: str) -> time: ...
def read_time(kind: type[datetime] | type[time], text: str) -> datetime | time:
    """Return the time that `write_time` wrote; raise `ValueError` for any other text."""
    fold = 1 if text.endswith(_FOLD) else 0
    plain, bracket, rest = text.removesuffix(_FOLD).partition("[")
    value = kind.fromisoformat(plain)
    if bracket:
        key = rest.removesuffix("]")
        try:
            value = value.replace(tzinfo=ZoneInfo(key))
        except (KeyError, OSError) as error:
            raise ValueError(f"There is no time zone {key!r}") from error
    return value.replace(fold=fold)


@overload
def read_outside_time(kind: type[datetime], text: str) -> datetime: ...
@overload
def read_outside_time(kind: type[time], text: str) -> time: ...
def read_outside_time(kind: type[datetime] | type[time], text: str) -> datetime | time:
    """Return a time that a person wrote in the form of `write_time`; raise `ValueError`.

    Nothing is guessed: the offset has to be that of the zone at that time. If a local time occurs
    twice, the offset says which one is meant.
    """
    value = read_time(kind, text)
    if not isinstance(value, datetime) or value.tzinfo is None:
        return value
    written = datetime.fromisoformat(text.partition("[")[0])
    folds = (value.fold,) if text.endswith(_FOLD) else (0, 1)
    for one in (value.replace(fold=fold) for fold in folds):
        if one.utcoffset() == written.utcoffset():
            return one
    raise ValueError(f"{written.isoformat()} is no time in {value.tzinfo}: its offset is another")


def fixed_offset(zone: tzinfo) -> timedelta | None:
    """Return the offset of a zone with a fixed offset, None for any other zone."""
    if type(zone) is timezone:
        offset = zone.utcoffset(None)
        return offset if zone == timezone(offset) and zone.tzname(None) == _name(offset) else None
    if type(zone).__module__.startswith("pydantic_core"):
        return zone.utcoffset(None)
    return None


def standard_zone(value: Moment) -> Moment:
    """Return the time with a fixed offset of the standard library instead of pydantic's."""
    zone = value.tzinfo
    if zone is None or isinstance(zone, ZoneInfo) or type(zone) is timezone:
        return value
    offset = fixed_offset(zone)
    return value if offset is None else value.replace(tzinfo=timezone(offset))


def _name(offset: timedelta) -> str | None:
    return timezone(offset).tzname(None)
