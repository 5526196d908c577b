"""What the page of one run shows, loaded in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from workflows.engine import UnknownWorkflow, Workflow, registry
from workflows.engine.graph import Graph
from workflows.models import InputRequest, WorkflowRun
from workflows.models.permissions import Perm
from workflows.web.run_access import RunAccess
from workflows.web.run_page.graph_layout import Layout, layout
from workflows.web.run_page.graph_nodes import GraphNode
from workflows.web.run_page.history import PAGE_SIZE, History, read_history
from workflows.web.run_page.journal_rows import journal_rows
from workflows.web.run_page.node_status import (
    NodeStatus,
    RunDurations,
    node_statuses,
    run_durations,
)
from workflows.web.run_page.unfinished_steps import Unfinished, unfinished
from workflows.web.run_page.waterfall import Timeline, timeline

MAX_REQUESTS = 1000
SHOWN_REQUESTS = 30


@dataclass(frozen=True, slots=True)
class Retry:
    """A step that failed and will be retried. `attempts` are all that it has, None if unknown."""

    unfinished: Unfinished
    attempts: int | None

    @property
    def failed(self) -> int:
        """The number of the attempt that failed."""
        return self.unfinished.attempt - 1


STEP_LABELS: dict[str, str] = {
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
        self.is_paged = before is not None
        self.now = run.finished_at or timezone.now()
        self.access = RunAccess.of(user, run)
        hidden = None if self.access.to_state else run.requests.hidden_from(user)
        self.journal = journal_rows(run.id, hidden=hidden)
        self.requests = self._requests()
        self._older = None if not before else journal_rows(
            run.id, hidden=hidden, before=before, limit=PAGE_SIZE + 1
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
    def durations(self) -> RunDurations:
        """Who took the time."""
        return run_durations(self.journal, self.requests, start=self.run.created_at, end=self.now)

    @cached_property
    def timeline(self) -> Timeline:
        """The waterfall."""
        return timeline(
            self.journal, self.requests, start=self.run.created_at, end=self.now,
            at_work=self.at_work,
        )  # fmt: skip

    @cached_property
    def unfinished(self) -> list[Unfinished]:
        """What has begun and not ended; nothing once the run has."""
        return [] if self.run.ended else unfinished(self.journal)

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
    def nodes(self) -> list[GraphNode]:
        """The nodes of the drawing, in reading order."""
        edges = self.graph.edges if self.graph else ()
        labels = {
            one.step: "retrying" if one.is_retry_at(self.now) else STEP_LABELS[self.run.status]
            for one in self.unfinished
        }
        found = node_statuses(
            self.journal, self.requests, ended=self.run.ended, edges=edges, labels=labels
        )
        boxes = self.layout.boxes if self.layout else []
        return [GraphNode(box, found.get(box.node.id, NodeStatus("idle"))) for box in boxes]

    @cached_property
    def history(self) -> History:
        """A page of the journal, the newest first."""
        visible = self.run.requests.visible_to(self.user)
        entries = self.journal if self._older is None else self._older
        return read_history(entries, self.requests, visible, is_first=not self.is_paged)

    @property
    def elapsed_label(self) -> str:
        """What the time that has passed is."""
        return "from start to end" if self.run.ended else "since start"

    @property
    def retry_condition(self) -> str:
        """What has to happen before a step is retried, as the sentence ends; empty if nothing."""
        is_paused = self.run.status == WorkflowRun.Status.PAUSED
        return ", if the run is resumed by then" if is_paused else ""

    @property
    def shows_progress(self) -> bool:
        """Whether the run has said how far it is, and goes on."""
        progress = self.run.progress or {}
        return progress.get("fraction") is not None and not self.run.ended

    @property
    def has_outcome(self) -> bool:
        """Whether the run has ended, or an error keeps it from going on."""
        return self.run.ended or bool(self.error)

    @property
    def is_pruned(self) -> bool:
        """Whether nothing is left of the journal: figures and snapshot went with it."""
        return self.run.seq > 0 and not self.journal

    @property
    def history_is_cut(self) -> bool:
        """Whether what the history lists last is not where the run began: the rest was pruned."""
        is_last = self.history.before is None and self.run.seq > 0
        return is_last and (not self.history.rows or self.history.begins > 1)

    @property
    def may_control(self) -> bool:
        """Whether this person may cancel, pause, resume and retry."""
        return self.user.has_perm(Perm.OPERATE_RUNS)

    @property
    def actions(self) -> set[str]:
        """What this person may do with the run as it is."""
        actions = {"again"} if self.run.ended and self.graph else set()
        if not self.user.has_perm(Perm.START_RUNS) or not self.access.to_values:
            actions = set()  # whoever starts it again reads its input
        if not self.may_control or (self.run.ended and self.is_pruned):
            return actions
        return actions | CONTROLS.get(self.run.status, set())

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
