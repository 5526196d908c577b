"""What one commit stores of one run. It is built on the loop, and a thread stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.models import InputRequest, JournalEntry, Snapshot, WorkflowRun


@dataclass(slots=True)
class RunUpdate:
    """The part of one run in a batch.

    The run is stored only if its row still has `delivery_count`. None means any number: the run
    continues. `count` is the number of its journal entries. `deliveries` has the `seq` at which
    each delivery was applied.
    """

    run_id: UUID
    fence: int
    delivery_count: int | None
    seq: int
    status: WorkflowRun.Status
    snapshot_seq: int
    signature: str
    wake_at: datetime | None = None
    finished_at: datetime | None = None
    result: Any = None
    error: dict[str, Any] | None = None
    progress: dict[str, Any] | None = None
    count: int = 0
    journal: list[JournalEntry] = field(default_factory=list)
    requests: list[InputRequest] = field(default_factory=list)
    snapshot: Snapshot | None = None
    deliveries: dict[int, int] = field(default_factory=dict)
    changes_requests: bool = False  # whether its open requests look different now
    closes: bool = False  # whether requests are open that end with the run

    @property
    def suspends(self) -> bool:
        """True if the run leaves the worker with this update."""
        return self.status != WorkflowRun.Status.RUNNING

    @property
    def ends(self) -> bool:
        """True if the run ends with this update."""
        return self.status in WorkflowRun.ENDED
