"""The nodes of a workflow's graph as a page draws them: each box with the status of its node."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.web.run_page.graph_layout import Box
from workflows.web.run_page.node_status import NodeStatus

CORNER_RADIUS = {"start": 24, "stop": 24, "person": 14}
STEP_RADIUS = 6


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A node with its box, and how far the run is with it."""

    box: Box
    status: NodeStatus

    @property
    def name(self) -> str:
        """What the node is called on the page."""
        label = self.box.node.label
        return "a person" if label == "InputRequestEvent" else label

    @property
    def label(self) -> str:
        """The name, cut where it would not fit its box."""
        longest = int((self.box.width - 30) / 7)
        return self.name if len(self.name) <= longest else self.name[: longest - 1] + "…"

    @property
    def accessible_name(self) -> str:
        """The label, the state if it is worth a badge, and the count, for a screen reader."""
        state = self.status.state if self.has_badge else ""
        return ", ".join(part for part in (self.box.node.label, state, self.status.text) if part)

    @property
    def corner_radius(self) -> int:
        """The radius of the box's corners in pixels."""
        return CORNER_RADIUS.get(self.box.node.kind, STEP_RADIUS)

    @property
    def has_badge(self) -> bool:
        """Whether a badge says how the node stands."""
        return self.status.state not in ("idle", "some")

    @property
    def went_wrong(self) -> bool:
        """Whether the step failed, or all of its requests were rejected."""
        return self.status.state in ("failed", "rejected")

    @property
    def summary(self) -> str:
        """How far it is, in words; empty where nothing has happened."""
        return self.status.text or ("done" if self.status.state == "done" else "")
