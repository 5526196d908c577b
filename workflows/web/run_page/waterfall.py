"""A run as a waterfall: who had it when, machine or people.

Positions are percentages of the run's time so far, so that a page draws them as they stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from workflows.models import InputRequest
from workflows.web.answer_labels import answer_summary, by_whom
from workflows.web.run_page.journal_rows import JournalRow
from workflows.web.run_page.unfinished_steps import Unfinished

MAX_ROWS = 60
MIN_BAR_WIDTH = 0.4
"""Percent. What took no time to speak of is drawn all the same."""

WORK_KINDS = frozenset({"step_completed", "step_retried", "failed"})

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time, `x` and `width` in percent of the whole. "open" is work under way."""

    kind: Literal["work", "open", "wait", "pause"]
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Marker:
    """The moment at which an attempt failed; `label` is empty where one stands close by."""

    kind: Literal["retry", "failed"]
    x: float
    label: str
    flipped: bool  # the label stands before the marker, where there is no space behind it

    @property
    def label_x(self) -> int:
        """How many pixels to the right of the marker the label begins; ends, if it is negative."""
        return -7 if self.flipped else 7

    @property
    def label_anchor(self) -> Literal["start", "end"]:
        """Which end of the label stands beside the marker."""
        return "end" if self.flipped else "start"


@dataclass(slots=True)
class TimelineRow:
    """One row. `seconds` is what `bars` add up to in truth: work of a step, or waiting.

    `request` is the id of the request that the row is about, None for a step or a pause;
    `comment` is what was written with its answer.
    """

    label: str
    start: datetime
    seconds: float
    kind: Literal["work", "wait", "pause"]
    bars: list[Bar]
    markers: list[Marker] = field(default_factory=list)
    count: int = 1
    outcome: str = ""
    comment: str = ""
    request: UUID | None = None

    @property
    def time_label(self) -> str:
        """What was done in the time."""
        return {"work": "worked", "wait": "waited for people", "pause": "paused"}[self.kind]

    @property
    def retries(self) -> int:
        """How many of its attempts were followed by another."""
        return sum(marker.kind == "retry" for marker in self.markers)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows in order of their beginning; `more` counts those left out at the end."""

    rows: list[TimelineRow]
    more: int
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """The time from the run's start to its end, or to now."""
        return (self.end - self.start).total_seconds()


class Scale:
    """Turns moments into percentages of the time between `start` and `end`."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end
        self._length = max((end - start).total_seconds(), 0.001)

    def at(self, moment: datetime) -> float:
        """Return where `moment` is, from 0 to 100."""
        share = (moment - self.start).total_seconds() / self._length
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def bars(
        self, kind: Literal["work", "open", "wait", "pause"], times: list[Interval]
    ) -> list[Bar]:
        """Return one bar for each stretch that differs from its neighbours."""
        bars: list[Bar] = []
        for start, end in sorted(times):
            x = min(self.at(start), 100 - MIN_BAR_WIDTH)
            stop = max(self.at(end), round(x + MIN_BAR_WIDTH, 2))
            if bars and x <= bars[-1].x + bars[-1].width + MIN_BAR_WIDTH / 2:
                last = bars.pop()
                x, stop = last.x, max(stop, last.x + last.width)
            bars.append(Bar(kind, x, round(stop - x, 2)))
        return bars


def timeline(
    journal: Sequence[JournalRow],
    requests: Iterable[InputRequest],
    *,
    start: datetime,
    end: datetime,
    limit: int = MAX_ROWS,
    at_work: Sequence[Unfinished] = (),
) -> Timeline:
    """Return the waterfall of a run between its start and its end, or now if it goes on.

    A step is one row however often it ran, a request is one row. `at_work` are the invocations
    that a worker is busy with at the end.
    """
    start = min([start, *(entry.start for entry in journal if entry.kind in WORK_KINDS)])
    scale = Scale(start, end)
    rows = _step_rows(journal, scale, at_work)
    rows += [_request_row(request, scale, end) for request in requests]
    rows += _pause_rows(journal, scale, end)
    rows.sort(key=lambda row: row.start)
    return Timeline(rows[:limit], max(len(rows) - limit, 0), start, end)


def _step_rows(
    journal: Iterable[JournalRow], scale: Scale, at_work: Iterable[Unfinished]
) -> list[TimelineRow]:
    by_step: dict[str, list[JournalRow]] = defaultdict(list)
    for entry in journal:
        if entry.kind in WORK_KINDS and entry.step:
            by_step[entry.step].append(entry)
    rows = {step: _step_row(step, done, scale) for step, done in by_step.items()}
    busy: dict[str, list[datetime]] = defaultdict(list)
    for one in at_work:
        busy[one.step].append(one.due or one.since)
    for step, begins in busy.items():
        row = rows.setdefault(step, TimelineRow(step, min(begins), 0.0, "work", []))
        row.bars += scale.bars("open", [(begin, scale.end) for begin in begins])
        row.outcome = "in progress" if len(begins) == 1 else f"{len(begins)} in progress"
        row.count = max(row.count, 1)
    return list(rows.values())


def _step_row(step: str, done: list[JournalRow], scale: Scale) -> TimelineRow:
    return TimelineRow(
        label=step,
        start=min(entry.start for entry in done),
        seconds=sum(entry.duration or 0 for entry in done),
        kind="work",
        bars=scale.bars("work", [(entry.start, entry.at) for entry in done]),
        markers=_markers(done, scale),
        count=sum(not entry.is_retry for entry in done),
        outcome="failed" if done[-1].kind == "failed" else "",
    )


def _markers(done: Iterable[JournalRow], scale: Scale) -> list[Marker]:
    markers: list[Marker] = []
    labelled = -100.0
    for entry in done:
        if entry.kind == "step_completed":
            continue
        kind: Literal["retry", "failed"] = "retry" if entry.is_retry else "failed"
        x = scale.at(entry.at)
        label = kind if x - labelled > 12 else ""
        labelled = x if label else labelled
        markers.append(Marker(kind, x, label, flipped=x > 80))
    return markers


def _request_row(request: InputRequest, scale: Scale, end: datetime) -> TimelineRow:
    closed = closed_at(request, end)
    return TimelineRow(
        label=request.prompt,
        start=request.created_at,
        seconds=max((closed - request.created_at).total_seconds(), 0.0),
        kind="wait",
        bars=scale.bars("wait", [(request.created_at, closed)]),
        outcome=outcome(request),
        comment=answer_summary(request.response).text,
        request=request.id,
    )


def closed_at(request: InputRequest, end: datetime) -> datetime:
    """Return when a request stopped waiting for people; `end` if it still does."""
    if request.answered_at is not None:
        return request.answered_at
    if request.status == InputRequest.Status.EXPIRED and request.deadline is not None:
        return min(request.deadline, end)
    return end


def outcome(request: InputRequest) -> str:
    """Return what became of a request: "approved by bob", "waiting", "expired"."""
    match request.status:
        case InputRequest.Status.PENDING:
            return "waiting"
        case InputRequest.Status.EXPIRED:
            return "expired"
        case InputRequest.Status.CANCELLED:
            return "closed with the run"
    who = request.answered_by.get_username() if request.answered_by else ""
    return f"{answer_summary(request.response).word} {by_whom(who, request.source)}"


def _pause_rows(journal: Iterable[JournalRow], scale: Scale, end: datetime) -> list[TimelineRow]:
    times: list[Interval] = []
    since: datetime | None = None
    for entry in journal:
        if entry.kind == "paused" and since is None:
            since = entry.at
        elif since is not None and entry.kind in ("resumed", "cancelled"):
            times.append((since, entry.at))
            since = None
    if since is not None:
        times.append((since, end))
    if not times:
        return []
    seconds = sum((stop - start).total_seconds() for start, stop in times)
    bars = scale.bars("pause", times)
    return [TimelineRow("Paused", times[0][0], seconds, "pause", bars, count=len(times))]
