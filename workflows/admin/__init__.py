"""The admin's pages of runs. All rows can be found and read, and history cannot be changed.

No row of the history can be added, edited or deleted here. The actions on runs are those of the
other pages, and they are logged. Only routes can be edited.
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
