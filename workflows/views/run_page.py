"""What the page of one run shows, gathered in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from workflows.engine import UnknownWorkflow, registry
from workflows.engine.graph import Graph
from workflows.graph_layout import Box, Layout, layout
from workflows.mark import Mark, marks_of
from workflows.models import InputRequest, WorkflowRun
from workflows.tally import Figures, Standing, figures, standings
from workflows.timeline import Timeline, timeline

MAX_REQUESTS = 1000
SHOWN_REQUESTS = 30
HISTORY_SIZE = 25


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
        self.hidden = set(run.requests.hidden_from(user).values_list("request_id", flat=True))
        self.marks = self._seen(marks_of(run.id))
        self.requests = self._requests()
        older = marks_of(run.id, before=before, limit=HISTORY_SIZE + 1) if before else None
        self._older = None if older is None else self._seen(older)

    def _seen(self, marks: list[Mark]) -> list[Mark]:
        """Leave out what was done about requests that this person may not know of."""
        return [mark for mark in marks if mark.request_id not in self.hidden]

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
        return timeline(self.marks, self.requests, start=self.run.created_at, end=self.now)

    @cached_property
    def graph(self) -> Graph | None:
        """The run's workflow, None if this process does not know it."""
        try:
            return registry.get(self.run.workflow).graph()
        except UnknownWorkflow:
            return None

    @cached_property
    def layout(self) -> Layout | None:
        """The drawing of the graph."""
        return layout(self.graph) if self.graph else None

    @property
    def places(self) -> list[Place]:
        """The nodes of the drawing, in reading order."""
        edges = self.graph.edges if self.graph else ()
        found = standings(self.marks, self.requests, ended=self.run.ended, edges=edges)
        boxes = self.layout.boxes if self.layout else []
        return [Place(box, found.get(box.node.id, Standing("idle"))) for box in boxes]

    @cached_property
    def history(self) -> list[Mark]:
        """A page of the journal, the newest first."""
        marks = self.marks if self._older is None else self._older
        return marks[-HISTORY_SIZE:][::-1]

    @property
    def older(self) -> int | None:
        """The `seq` before which the history goes on, None at its end."""
        marks = self.marks if self._older is None else self._older
        return self.history[-1].seq if len(marks) > HISTORY_SIZE else None

    @property
    def is_pruned(self) -> bool:
        """Whether nothing is left of the journal: figures and snapshot went with it."""
        return self.run.seq > 0 and not self.marks

    @property
    def ends_early(self) -> bool:
        """Whether what the history lists last is not where the run began: the rest was pruned."""
        return self.older is None and self.run.seq > 0 and (
            not self.history or self.history[-1].seq > 1
        )  # fmt: skip

    @property
    def history_begins(self) -> int:
        """The `seq` of the oldest transition that the history lists."""
        return self.history[-1].seq if self.history else 0

    @property
    def may_see_state(self) -> bool:
        """Whether the snapshot holds nothing that this person may not know of."""
        return not self.hidden

    @property
    def may_control(self) -> bool:
        """Whether this person may cancel, pause, resume and retry."""
        return self.user.has_perm("workflows.change_workflowrun")

    @property
    def verbs(self) -> set[str]:
        """What this person may do with the run as it is."""
        verbs = {"again"} if self.run.ended and self.graph else set()
        if not self.user.has_perm("workflows.add_workflowrun"):
            verbs = set()
        if not self.may_control or (self.run.ended and self.is_pruned):
            return verbs
        return verbs | CONTROLS.get(self.run.status, set())

    @property
    def error(self) -> dict[str, Any]:
        """Why the run failed or is blocked: kind, message, step, traceback."""
        error = self.run.error
        return error if isinstance(error, dict) else {"message": error} if error else {}


CONTROLS: dict[str, set[str]] = {
    WorkflowRun.Status.QUEUED: {"pause", "cancel"},
    WorkflowRun.Status.RUNNING: {"pause", "cancel"},
    WorkflowRun.Status.WAITING: {"pause", "cancel"},
    WorkflowRun.Status.PAUSED: {"resume", "cancel"},
    WorkflowRun.Status.BLOCKED: {"retry", "cancel"},
    WorkflowRun.Status.FAILED: {"retry"},
}
