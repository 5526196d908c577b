"""The admin's pages about runs: everything is there to be found and read, nothing to be rewritten.

What happened is history, so no row of it can be added, edited or deleted here. What may be done
to a run is what may be done elsewhere, through the same verbs, and is logged. Routes are edited.
"""

from workflows.admin.journal import DeliveryAdmin, JournalEntryAdmin, SnapshotAdmin, WorkerAdmin
from workflows.admin.requests import InputRequestAdmin
from workflows.admin.routes import RouteAdmin
from workflows.admin.runs import WorkflowRunAdmin

__all__ = [
    "DeliveryAdmin",
    "InputRequestAdmin",
    "JournalEntryAdmin",
    "RouteAdmin",
    "SnapshotAdmin",
    "WorkerAdmin",
    "WorkflowRunAdmin",
]
