"""The admin's pages about runs: everything is there to be found and read, nothing to be rewritten.

What happened is history, so no row can be added, edited or deleted here. What may be done to a run
is what may be done elsewhere, through the same verbs, and is logged.
"""

from workflows.admin.history import DeliveryAdmin, JournalEntryAdmin, SnapshotAdmin, WorkerAdmin
from workflows.admin.request import InputRequestAdmin
from workflows.admin.run import WorkflowRunAdmin

__all__ = [
    "DeliveryAdmin",
    "InputRequestAdmin",
    "JournalEntryAdmin",
    "SnapshotAdmin",
    "WorkerAdmin",
    "WorkflowRunAdmin",
]
