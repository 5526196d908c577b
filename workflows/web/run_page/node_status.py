"""Where a run stands, in figures: how far each step is, and who took the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workflows.engine.graph import Edge
from workflows.models import InputRequest
from workflows.web.answer_labels import verdict_of
from workflows.web.run_page.journal_rows import Mark
from workflows.web.run_page.waterfall import WORK, Interval, closed_at

State = Literal["idle", "some", "done", "here", "failed", "rejected"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one node of the graph is; `text` says it ("41 of 41") where there is a count.

    `some` is a step that has done all it was given, and may be given more, or a person's node
    whose requests closed without a yes or were answered differently. `done` of a person's node
    means that each of its requests was answered and none rejected.
    """

    state: State
    text: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Durations in seconds. `waiting` counts each moment once, however many requests were open."""

    elapsed: float
    work: float
    waiting: float
    steps: int
    retries: int


def figures(
    marks: Sequence[Mark], requests: Iterable[InputRequest], *, start: datetime, end: datetime
) -> Figures:
    """Return the figures of a run between its start and its end, or now if it goes on."""
    waits = [(one.created_at, closed_at(one, end)) for one in requests]
    return Figures(
        elapsed=max((end - start).total_seconds(), 0.0),
        work=sum(mark.duration or 0 for mark in marks if mark.kind in WORK),
        waiting=_covered(waits),
        steps=sum(mark.kind == "step_completed" for mark in marks),
        retries=sum(mark.is_retry for mark in marks),
    )


def _covered(times: list[Interval]) -> float:
    """Return the seconds in the union of these stretches."""
    total = 0.0
    reached: datetime | None = None
    for start, end in sorted(times):
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += (end - begin).total_seconds()
            reached = end
    return total


def standings(
    marks: Sequence[Mark],
    requests: Iterable[InputRequest],
    *,
    ended: bool,
    edges: Iterable[Edge] = (),
    words: Mapping[str, str] | None = None,
) -> dict[str, Standing]:
    """Return the standing of each node that was reached, by the graph's node ids.

    Of a run that has ended nothing is under way any more, whatever was left undone. `words` say
    of steps that have begun and not ended what they do: "in progress", "retrying".
    """
    found = _steps(marks, ended=ended, words=words or {})
    found |= _people(requests)
    for node in _downstream([node for node in found if found[node].state == "here"], edges):
        if node in found and found[node].state == "done":
            found[node] = Standing("some", f"{found[node].text.split(' ')[0] or 1} so far")
    if any(mark.kind == "started" for mark in marks):
        found["start"] = Standing("done")
    if any(mark.kind == "completed" for mark in marks):
        found["stop"] = Standing("done")
    return found


def _downstream(nodes: list[str], edges: Iterable[Edge]) -> set[str]:
    """Return every node that can be reached from these."""
    edges = list(edges)
    reached: set[str] = set()
    front = list(nodes)
    while front:
        source = front.pop()
        new = {edge.target for edge in edges if edge.source == source} - reached
        reached |= new
        front.extend(new)
    return reached


def _steps(marks: Sequence[Mark], *, ended: bool, words: Mapping[str, str]) -> dict[str, Standing]:
    begun = Counter(step for mark in marks for step in mark.begun)
    done = Counter(mark.step for mark in marks if mark.kind == "step_completed")
    failed = _failed_step(marks)
    standings = {}
    for step in begun | done:
        whole = max(begun[step], done[step])
        text = f"{done[step]} of {whole}" if whole > 1 else ""
        if step == failed:
            standings[step] = Standing("failed", "failed" if whole == 1 else f"failed, {text}")
        elif done[step] < whole and not ended:
            word = words.get(step, "")
            several = f"{text}, {word}" if word and word != "in progress" else text
            standings[step] = Standing("here", several if text else word or "in progress")
        else:
            standings[step] = Standing("done" if done[step] else "idle", text)
    return standings


def _failed_step(marks: Iterable[Mark]) -> str:
    """Return the step that the run failed in, empty if it did not or was taken up again."""
    step = ""
    for mark in marks:
        if mark.kind == "failed":
            step = mark.step
        elif mark.kind == "reopened":
            step = ""
    return step


def _people(requests: Iterable[InputRequest]) -> dict[str, Standing]:
    by_event: dict[str, Counter[str]] = {}
    for request in requests:
        by_event.setdefault(f"person:{request.event}", Counter())[_word(request)] += 1
    return {node: _person(counts) for node, counts in by_event.items()}


def _word(request: InputRequest) -> str:
    """Return what became of a request, in the words of `PERSON`."""
    if request.status != InputRequest.Status.ANSWERED:
        return {"pending": "waiting", "cancelled": "closed"}.get(request.status, request.status)
    return verdict_of(request.response).word


PERSON = ("waiting", "approved", "rejected", "replied", "answered", "expired", "closed")


def _person(counts: Counter[str]) -> Standing:
    text = ", ".join(f"{counts[word]} {word}" for word in PERSON if counts[word])
    if counts["waiting"]:
        return Standing("here", text)
    if counts["rejected"] == counts.total():
        return Standing("rejected", text)
    mixed = counts["rejected"] or counts["expired"] or counts["closed"]
    return Standing("some" if mixed else "done", text)
