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
from workflows.web.answer_labels import by_whom, verdict_of
from workflows.web.run_page.journal_rows import Mark
from workflows.web.run_page.unfinished_steps import Unfinished

MAX_LANES = 60
THINNEST = 0.4
"""Percent. What took no time to speak of is drawn all the same."""

WORK = frozenset({"step_completed", "step_retried", "failed"})

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time, `x` and `width` in percent of the whole. "open" is work under way."""

    kind: Literal["work", "open", "wait", "pause"]
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Notch:
    """The moment at which an attempt failed; `label` is empty where one stands close by."""

    kind: Literal["retry", "failed"]
    x: float
    label: str
    flipped: bool  # the label stands before the notch, where there is no space behind it


@dataclass(slots=True)
class Lane:
    """One line. `seconds` is what `bars` add up to in truth: work of a step, or waiting.

    `request` is the id of the request that the lane is about, None for a step or a pause;
    `comment` is what was written with its answer.
    """

    label: str
    start: datetime
    seconds: float
    kind: Literal["work", "wait", "pause"]
    bars: list[Bar]
    notches: list[Notch] = field(default_factory=list)
    count: int = 1
    outcome: str = ""
    comment: str = ""
    request: UUID | None = None

    @property
    def retries(self) -> int:
        """How many of its attempts were followed by another."""
        return sum(notch.kind == "retry" for notch in self.notches)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The lanes in order of their beginning; `more` counts those left out at the end."""

    lanes: list[Lane]
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
            x = min(self.at(start), 100 - THINNEST)
            stop = max(self.at(end), round(x + THINNEST, 2))
            if bars and x <= bars[-1].x + bars[-1].width + THINNEST / 2:
                last = bars.pop()
                x, stop = last.x, max(stop, last.x + last.width)
            bars.append(Bar(kind, x, round(stop - x, 2)))
        return bars


def timeline(
    marks: Sequence[Mark],
    requests: Iterable[InputRequest],
    *,
    start: datetime,
    end: datetime,
    most: int = MAX_LANES,
    at_work: Sequence[Unfinished] = (),
) -> Timeline:
    """Return the waterfall of a run between its start and its end, or now if it goes on.

    A step is one lane however often it ran, a request is one lane. `at_work` are the invocations
    that a worker is busy with at the end.
    """
    start = min([start, *(mark.start for mark in marks if mark.kind in WORK)])
    scale = Scale(start, end)
    lanes = _step_lanes(marks, scale, at_work)
    lanes += [_request_lane(request, scale, end) for request in requests]
    lanes += _pauses(marks, scale, end)
    lanes.sort(key=lambda lane: lane.start)
    return Timeline(lanes[:most], max(len(lanes) - most, 0), start, end)


def _step_lanes(marks: Iterable[Mark], scale: Scale, at_work: Iterable[Unfinished]) -> list[Lane]:
    by_step: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.kind in WORK and mark.step:
            by_step[mark.step].append(mark)
    lanes = {step: _step_lane(step, done, scale) for step, done in by_step.items()}
    busy: dict[str, list[datetime]] = defaultdict(list)
    for one in at_work:
        busy[one.step].append(one.due or one.since)
    for step, begins in busy.items():
        lane = lanes.setdefault(step, Lane(step, min(begins), 0.0, "work", []))
        lane.bars += scale.bars("open", [(begin, scale.end) for begin in begins])
        lane.outcome = "in progress" if len(begins) == 1 else f"{len(begins)} in progress"
        lane.count = max(lane.count, 1)
    return list(lanes.values())


def _step_lane(step: str, done: list[Mark], scale: Scale) -> Lane:
    return Lane(
        label=step,
        start=min(mark.start for mark in done),
        seconds=sum(mark.duration or 0 for mark in done),
        kind="work",
        bars=scale.bars("work", [(mark.start, mark.at) for mark in done]),
        notches=_notches(done, scale),
        count=sum(not mark.is_retry for mark in done),
        outcome="failed" if done[-1].kind == "failed" else "",
    )


def _notches(done: Iterable[Mark], scale: Scale) -> list[Notch]:
    notches: list[Notch] = []
    labelled = -100.0
    for mark in done:
        if mark.kind == "step_completed":
            continue
        kind: Literal["retry", "failed"] = "retry" if mark.is_retry else "failed"
        x = scale.at(mark.at)
        label = kind if x - labelled > 12 else ""
        labelled = x if label else labelled
        notches.append(Notch(kind, x, label, flipped=x > 80))
    return notches


def _request_lane(request: InputRequest, scale: Scale, end: datetime) -> Lane:
    closed = closed_at(request, end)
    return Lane(
        label=request.prompt,
        start=request.created_at,
        seconds=max((closed - request.created_at).total_seconds(), 0.0),
        kind="wait",
        bars=scale.bars("wait", [(request.created_at, closed)]),
        outcome=outcome(request),
        comment=verdict_of(request.response).text,
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
    return f"{verdict_of(request.response).word} {by_whom(who, request.source)}"


def _pauses(marks: Iterable[Mark], scale: Scale, end: datetime) -> list[Lane]:
    times: list[Interval] = []
    since: datetime | None = None
    for mark in marks:
        if mark.kind == "paused" and since is None:
            since = mark.at
        elif since is not None and mark.kind in ("resumed", "cancelled"):
            times.append((since, mark.at))
            since = None
    if since is not None:
        times.append((since, end))
    if not times:
        return []
    seconds = sum((stop - start).total_seconds() for start, stop in times)
    bars = scale.bars("pause", times)
    return [Lane("Paused", times[0][0], seconds, "pause", bars, count=len(times))]
