"""What one commit stores of one run, built on the loop before a thread stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.models import InputRequest, JournalEntry, Snapshot, WorkflowRun


@dataclass(slots=True)
class RunUpdate:
    """One run's share of a batch.

    `delivery_count` is what the row must still have; None where the run goes on, and any will do.
    `count` is the number of journal entries that the machine gave for it. `deliveries` says at
    which `seq` each was taken in.
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
    changes_inbox: bool = False
    closes: bool = False  # whether requests are open that end with the run

    @property
    def suspends(self) -> bool:
        """True if the run leaves the worker with this."""
        return self.status != WorkflowRun.Status.RUNNING

    @property
    def ends(self) -> bool:
        """True if the run is over with this."""
        return self.status in WorkflowRun.ENDED
