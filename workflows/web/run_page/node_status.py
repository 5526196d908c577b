"""Where a run stands, in figures: how far each step is, and who took the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workflows.engine.graph import Edge
from workflows.models import InputRequest
from workflows.web.answer_labels import answer_summary
from workflows.web.run_page.journal_rows import JournalRow
from workflows.web.run_page.waterfall import WORK_KINDS, Interval, closed_at

State = Literal["idle", "some", "done", "here", "failed", "rejected"]


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """How far one node of the graph is; `text` says it ("41 of 41") where there is a count.

    `some` is a step that has done all it was given, and may be given more, or a person's node
    whose requests closed without a yes or were answered differently. `done` of a person's node
    means that each of its requests was answered and none rejected.
    """

    state: State
    text: str = ""


@dataclass(frozen=True, slots=True)
class RunDurations:
    """Durations in seconds. `waiting` counts each moment once, however many requests were open."""

    elapsed: float
    work: float
    waiting: float
    steps: int
    retries: int


def run_durations(
    journal: Sequence[JournalRow],
    requests: Iterable[InputRequest],
    *,
    start: datetime,
    end: datetime,
) -> RunDurations:
    """Return the figures of a run between its start and its end, or now if it goes on."""
    waits = [(one.created_at, closed_at(one, end)) for one in requests]
    return RunDurations(
        elapsed=max((end - start).total_seconds(), 0.0),
        work=sum(entry.duration or 0 for entry in journal if entry.kind in WORK_KINDS),
        waiting=_covered(waits),
        steps=sum(entry.kind == "step_completed" for entry in journal),
        retries=sum(entry.is_retry for entry in journal),
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


def node_statuses(
    journal: Sequence[JournalRow],
    requests: Iterable[InputRequest],
    *,
    ended: bool,
    edges: Iterable[Edge] = (),
    labels: Mapping[str, str] | None = None,
) -> dict[str, NodeStatus]:
    """Return the status of each node that was reached, by the graph's node ids.

    Of a run that has ended nothing is under way any more, whatever was left undone. `labels` say
    of steps that have begun and not ended what they do: "in progress", "retrying".
    """
    found = _steps(journal, ended=ended, labels=labels or {})
    found |= _people(requests)
    for node in _downstream([node for node in found if found[node].state == "here"], edges):
        if node in found and found[node].state == "done":
            found[node] = NodeStatus("some", f"{found[node].text.split(' ')[0] or 1} so far")
    if any(entry.kind == "started" for entry in journal):
        found["start"] = NodeStatus("done")
    if any(entry.kind == "completed" for entry in journal):
        found["stop"] = NodeStatus("done")
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


def _steps(
    journal: Sequence[JournalRow], *, ended: bool, labels: Mapping[str, str]
) -> dict[str, NodeStatus]:
    begun = Counter(step for entry in journal for step in entry.begun)
    done = Counter(entry.step for entry in journal if entry.kind == "step_completed")
    failed = _failed_step(journal)
    node_statuses = {}
    for step in begun | done:
        whole = max(begun[step], done[step])
        text = f"{done[step]} of {whole}" if whole > 1 else ""
        if step == failed:
            node_statuses[step] = NodeStatus(
                "failed", "failed" if whole == 1 else f"failed, {text}"
            )
        elif done[step] < whole and not ended:
            label = labels.get(step, "")
            several = f"{text}, {label}" if label and label != "in progress" else text
            node_statuses[step] = NodeStatus("here", several if text else label or "in progress")
        else:
            node_statuses[step] = NodeStatus("done" if done[step] else "idle", text)
    return node_statuses


def _failed_step(journal: Iterable[JournalRow]) -> str:
    """Return the step that the run failed in, empty if it did not or was taken up again."""
    step = ""
    for entry in journal:
        if entry.kind == "failed":
            step = entry.step
        elif entry.kind == "reopened":
            step = ""
    return step


def _people(requests: Iterable[InputRequest]) -> dict[str, NodeStatus]:
    by_event: dict[str, Counter[str]] = {}
    for request in requests:
        by_event.setdefault(f"person:{request.event}", Counter())[_word(request)] += 1
    return {node: _person(counts) for node, counts in by_event.items()}


def _word(request: InputRequest) -> str:
    """Return what became of a request, as one of `ANSWERS`."""
    if request.status != InputRequest.Status.ANSWERED:
        return {"pending": "waiting", "cancelled": "closed"}.get(request.status, request.status)
    return answer_summary(request.response).word


ANSWERS = ("waiting", "approved", "rejected", "replied", "answered", "expired", "closed")


def _person(counts: Counter[str]) -> NodeStatus:
    text = ", ".join(f"{counts[word]} {word}" for word in ANSWERS if counts[word])
    if counts["waiting"]:
        return NodeStatus("here", text)
    if counts["rejected"] == counts.total():
        return NodeStatus("rejected", text)
    mixed = counts["rejected"] or counts["expired"] or counts["closed"]
    return NodeStatus("some" if mixed else "done", text)
