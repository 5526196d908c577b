"""What the page of one run shows, gathered in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from workflows.engine import UnknownWorkflow, Workflow, registry
from workflows.engine.graph import Graph
from workflows.models import InputRequest, WorkflowRun
from workflows.models.permissions import Perm
from workflows.web.answer_labels import Verdict, by_whom, verdict_of
from workflows.web.run_access import RunAccess
from workflows.web.run_page.graph_layout import Box, Layout, layout
from workflows.web.run_page.journal_rows import Mark, marks_of
from workflows.web.run_page.node_status import Figures, Standing, figures, standings
from workflows.web.run_page.unfinished_steps import Unfinished, unfinished
from workflows.web.run_page.waterfall import Timeline, timeline

MAX_REQUESTS = 1000
SHOWN_REQUESTS = 30
HISTORY_SIZE = 25
ASKED_WITHIN = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True)
class Place:
    """A node as it is drawn: where it is, and how far the run is with it."""

    box: Box
    standing: Standing

    @property
    def label(self) -> str:
        """The label, cut where it would not fit its box."""
        label = "a person" if self.box.node.label == "InputRequestEvent" else self.box.node.label
        most = int((self.box.width - 30) / 7)
        return label if len(label) <= most else label[: most - 1] + "…"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One transition, and the request that it answered, if it did and the reader may see it.

    With `asks` it is a request that the transition asked.
    """

    mark: Mark
    request: InputRequest | None = None
    asks: bool = False

    @property
    def verdict(self) -> Verdict | None:
        """What was answered."""
        return verdict_of(self.request.response) if self.request and not self.asks else None

    @property
    def who(self) -> str:
        """Who answered, as it follows the verdict; empty where that is a person."""
        return "" if self.mark.by else by_whom("", self.mark.source)


@dataclass(frozen=True, slots=True)
class Retry:
    """A step that failed and will be retried. `attempts` are all that it has, None if unknown."""

    unfinished: Unfinished
    attempts: int | None

    @property
    def failed(self) -> int:
        """The number of the attempt that failed."""
        return self.unfinished.attempt - 1


STEP_WORDS: dict[str, str] = {
    WorkflowRun.Status.QUEUED: "next",
    WorkflowRun.Status.RUNNING: "in progress",
    WorkflowRun.Status.WAITING: "retrying",
    WorkflowRun.Status.PAUSED: "paused",
    WorkflowRun.Status.BLOCKED: "blocked",
}
"""What a step that has begun and not ended does, by the status of its run."""


class RunPage:
    """The page's sections. `refusal` says why something that was asked for was not done."""

    def __init__(
        self, run: WorkflowRun, user: User, *, before: int | None = None, refusal: str = ""
    ) -> None:
        self.run = run
        self.user = user
        self.refusal = refusal
        self.paged = before is not None
        self.now = run.finished_at or timezone.now()
        self.access = RunAccess.of(user, run)
        hidden = None if self.access.to_state else run.requests.hidden_from(user)
        self.marks = marks_of(run.id, hidden=hidden)
        self.requests = self._requests()
        self._older = None if not before else marks_of(
            run.id, hidden=hidden, before=before, limit=HISTORY_SIZE + 1
        )  # fmt: skip

    def _requests(self) -> list[InputRequest]:
        rows = self.run.requests.visible_to(self.user).select_related("answered_by")
        return list(rows.defer("payload", "schema").order_by("created_at", "id")[:MAX_REQUESTS])

    @property
    def open(self) -> list[InputRequest]:
        """Requests that wait, the oldest first, as many as a page should list."""
        return self.pending[:SHOWN_REQUESTS]

    @cached_property
    def pending(self) -> list[InputRequest]:
        """Requests that wait for an answer."""
        return [request for request in self.requests if request.is_pending]

    @property
    def open_left_out(self) -> int:
        """How many more wait than are listed."""
        return len(self.pending) - len(self.open)

    @cached_property
    def figures(self) -> Figures:
        """Who took the time."""
        return figures(self.marks, self.requests, start=self.run.created_at, end=self.now)

    @cached_property
    def timeline(self) -> Timeline:
        """The waterfall."""
        return timeline(
            self.marks, self.requests, start=self.run.created_at, end=self.now,
            at_work=self.at_work,
        )  # fmt: skip

    @cached_property
    def unfinished(self) -> list[Unfinished]:
        """What has begun and not ended; nothing once the run has."""
        return [] if self.run.ended else unfinished(self.marks)

    @property
    def retries(self) -> list[Retry]:
        """The steps that failed and wait for their next attempt, as many as a page should list."""
        steps = self.workflow.steps if self.workflow else {}
        found = [one for one in self.unfinished if one.is_retry_at(self.now)]
        return [
            Retry(one, steps[one.step].retries + 1 if one.step in steps else None)
            for one in sorted(found, key=lambda one: one.due or self.now)[:SHOWN_REQUESTS]
        ]

    @cached_property
    def at_work(self) -> list[Unfinished]:
        """What a worker is doing at this moment, or is about to."""
        if self.run.status != WorkflowRun.Status.RUNNING:
            return []
        return [one for one in self.unfinished if not one.is_retry_at(self.now)]

    @cached_property
    def workflow(self) -> Workflow | None:
        """The run's workflow, None if this process does not know it."""
        try:
            return registry.get(self.run.workflow)
        except UnknownWorkflow:
            return None

    @cached_property
    def graph(self) -> Graph | None:
        """The graph of the run's workflow."""
        return self.workflow.graph() if self.workflow else None

    @cached_property
    def layout(self) -> Layout | None:
        """The drawing of the graph."""
        return layout(self.graph) if self.graph else None

    @property
    def places(self) -> list[Place]:
        """The nodes of the drawing, in reading order."""
        edges = self.graph.edges if self.graph else ()
        words = {
            one.step: "retrying" if one.is_retry_at(self.now) else STEP_WORDS[self.run.status]
            for one in self.unfinished
        }
        found = standings(self.marks, self.requests, ended=self.run.ended, edges=edges, words=words)
        boxes = self.layout.boxes if self.layout else []
        return [Place(box, found.get(box.node.id, Standing("idle"))) for box in boxes]

    @cached_property
    def history(self) -> list[HistoryRow]:
        """A page of the journal, the newest first."""
        marks = (self.marks if self._older is None else self._older)[-HISTORY_SIZE:][::-1]
        answered = {mark.request_id for mark in marks if mark.kind == "answered"}
        known = {one.request_id: one for one in self.requests if one.request_id in answered}
        if missing := answered - known.keys():  # beyond what the page lists
            rows = self.run.requests.visible_to(self.user).filter(request_id__in=missing)
            known |= {one.request_id: one for one in rows.defer("payload", "schema")}
        listed: list[HistoryRow] = []
        asked = self._asked_by(marks)
        for mark in marks:
            listed += [HistoryRow(mark, one, asks=True) for one in reversed(asked[mark.seq])]
            listed.append(
                HistoryRow(mark, known.get(mark.request_id) if mark.kind == "answered" else None)
            )
        return listed

    def _asked_by(self, marks: Sequence[Mark]) -> dict[int, list[InputRequest]]:
        """Return what each of these transitions asked, by `seq`, of the requests that are listed.

        What a step asked was made at the moment of its completion, or microseconds later.
        """
        found: dict[int, list[InputRequest]] = defaultdict(list)
        completed = defaultdict(list)
        for mark in marks:
            if mark.kind == "step_completed":
                completed[mark.step].append(mark)
        for request in self.requests:
            for mark in completed[request.step]:
                if timedelta(0) <= request.created_at - mark.at < ASKED_WITHIN:
                    found[mark.seq].append(request)
                    break
        return found

    @property
    def older(self) -> int | None:
        """The `seq` before which the history goes on, None at its end."""
        marks = self.marks if self._older is None else self._older
        return self.history_begins if len(marks) > HISTORY_SIZE else None

    @property
    def is_pruned(self) -> bool:
        """Whether nothing is left of the journal: figures and snapshot went with it."""
        return self.run.seq > 0 and not self.marks

    @property
    def ends_early(self) -> bool:
        """Whether what the history lists last is not where the run began: the rest was pruned."""
        return self.older is None and self.run.seq > 0 and (
            not self.history or self.history_begins > 1
        )  # fmt: skip

    @property
    def history_begins(self) -> int:
        """The `seq` of the oldest transition that the history lists."""
        return self.history[-1].mark.seq if self.history else 0

    @property
    def may_control(self) -> bool:
        """Whether this person may cancel, pause, resume and retry."""
        return self.user.has_perm(Perm.OPERATE_RUNS)

    @property
    def verbs(self) -> set[str]:
        """What this person may do with the run as it is."""
        verbs = {"again"} if self.run.ended and self.graph else set()
        if not self.user.has_perm(Perm.START_RUNS) or not self.access.to_values:
            verbs = set()  # whoever starts it again reads its input
        if not self.may_control or (self.run.ended and self.is_pruned):
            return verbs
        return verbs | CONTROLS.get(self.run.status, set())

    @property
    def error(self) -> dict[str, Any]:
        """Why the run failed or is blocked: kind, message, step, traceback.

        Of a run with requests that are hidden from this person only what quotes none of them.
        """
        error = self.run.error
        known = error if isinstance(error, dict) else {"message": error} if error else {}
        if not known or self.access.to_state:
            return known
        return {key: known.get(key) for key in ("kind", "step")}


CONTROLS: dict[str, set[str]] = {
    WorkflowRun.Status.QUEUED: {"pause", "cancel"},
    WorkflowRun.Status.RUNNING: {"pause", "cancel"},
    WorkflowRun.Status.WAITING: {"pause", "cancel"},
    WorkflowRun.Status.PAUSED: {"resume", "cancel"},
    WorkflowRun.Status.BLOCKED: {"retry", "cancel"},
    WorkflowRun.Status.FAILED: {"retry"},
}
