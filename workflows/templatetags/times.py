"""Relative times ("4 min", "due in 40 min"), with the exact time on hover."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django import template
from django.template.defaultfilters import date
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86_400
_WEEK = 7 * DAY


@register.filter
def relative_time(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago: "now", "4 min", "3 h 5 min", "2 d 4 h", after a week the date; "in 4 min"."""
    if not moment:  # None, or a variable that the template does not have
        return ""
    now = now or timezone.now()
    gap = int((now - moment).total_seconds())
    if abs(gap) < MINUTE:
        return "now"
    if abs(gap) >= _WEEK:
        return _day(moment, now)
    return _amount(gap) if gap > 0 else f"in {_amount(-gap)}"


@register.filter
def due_time(moment: datetime | None, now: datetime | None = None) -> str:
    """A deadline: "due in 40 min", "due 12 min ago", "due now", "due 3 December"."""
    if not moment:
        return ""
    now = now or timezone.now()
    gap = int((moment - now).total_seconds())
    if abs(gap) < MINUTE:
        return "due now"
    if abs(gap) >= _WEEK:
        return f"due {_day(moment, now)}"
    return f"due in {_amount(gap)}" if gap > 0 else f"due {_amount(-gap)} ago"


@register.filter
def seconds(duration: timedelta | float | Literal[""] | None) -> str:
    """A duration: "4 ms", "0.4 s", "42 s", "2 m 58 s", "17 min", "3 h 5 min", "2 d 4 h"."""
    if duration is None or duration == "":
        return ""
    exact = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    exact = max(exact, 0.0)
    if 0 < exact < 0.0995:
        return f"{max(round(exact * 1000), 1)} ms"
    if exact < 9.95:
        return f"{exact:.1f} s" if exact else "0 s"
    return _long(round(exact))


def _long(total: int) -> str:
    if total < MINUTE:
        return f"{total} s"
    if total < 10 * MINUTE:
        minutes, rest = divmod(total, MINUTE)
        return f"{minutes} m {rest} s" if rest else f"{minutes} min"
    minutes = round(total / MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(total / HOUR), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """`{% ago run.created_at %}`: a `<time>` that says how long ago and, on hover, exactly when."""
    now = timezone.now()
    return _time(moment, now, relative_time(moment, now), "ago") if moment else ""


@register.simple_tag
def deadline(moment: datetime | None) -> SafeString | str:
    """`{% deadline request.deadline %}`: a `<time>` that says when it is due."""
    now = timezone.now()
    return _time(moment, now, due_time(moment, now), "due") if moment else ""


@register.simple_tag
def moment(value: datetime | None, pattern: str) -> SafeString | str:
    """`{% moment run.created_at "H:i" %}`: a `<time>` in this format; on hover exactly when."""
    if not value:
        return ""
    local = timezone.localtime(value)
    element = '<time datetime="{}" title="{}">{}</time>'
    return format_html(element, date(local, "c"), exact(value), date(local, pattern))


@register.filter
def short_id(value: UUID | str | None) -> str:
    """The first six characters of an id."""
    return "" if value is None else str(value).replace("-", "")[:6]


@register.filter
def clock(moment: datetime | None, now: datetime | None = None) -> str:
    """A future time as a phrase: "at 05:45" today, otherwise "on 3 December at 05:45"."""
    if not moment:
        return ""
    local, today = timezone.localtime(moment), timezone.localtime(now or timezone.now())
    time = f"at {local:%H:%M}"
    return time if local.date() == today.date() else f"on {_day(moment, today)} {time}"


@register.filter
def exact(moment: datetime | None) -> str:
    """The time in the reader's zone: "18 November 2026, 09:12:05 CET"."""
    if not moment:
        return ""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%B %Y, %H:%M:%S %Z}"


def _time(moment: datetime, now: datetime, text: str, speech: str) -> SafeString:
    """The element; the page keeps `data-relative` ones up to date, but a date does not grow old."""
    whole, title = moment.isoformat(), exact(moment)
    if abs((now - moment).total_seconds()) >= _WEEK:
        return format_html('<time datetime="{}" title="{}">{}</time>', whole, title, text)
    pattern = '<time datetime="{}" title="{}" data-relative="{}">{}</time>'
    return format_html(pattern, whole, title, speech, text)


def _amount(gap: int) -> str:
    """Return a duration in two units, such as "1 h 59 min". It is rounded down."""
    if gap < HOUR:
        return f"{gap // MINUTE} min"
    whole, part, units = (HOUR, MINUTE, ("h", "min")) if gap < DAY else (DAY, HOUR, ("d", "h"))
    rest = gap % whole // part
    return f"{gap // whole} {units[0]}" + (f" {rest} {units[1]}" if rest else "")


def _day(moment: datetime, now: datetime) -> str:
    local: Any = timezone.localtime(moment)
    same_year = local.year == timezone.localtime(now).year
    return f"{local.day} {local:%B}" if same_year else f"{local.day} {local:%B %Y}"
