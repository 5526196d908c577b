"""The rows that are the truth about runs, their history and the requests they made."""

from workflows.models.assignment import Assignment, Route
from workflows.models.author import AuthorIsFinal, RunAuthor
from workflows.models.clock import database_now
from workflows.models.history import Delivery, JournalEntry, Snapshot
from workflows.models.priority import Priority
from workflows.models.request import InputRequest
from workflows.models.run import WorkflowRun
from workflows.models.usage import Usage
from workflows.models.worker import Worker

__all__ = [
    "Assignment",
    "AuthorIsFinal",
    "Delivery",
    "InputRequest",
    "JournalEntry",
    "Priority",
    "Route",
    "RunAuthor",
    "Snapshot",
    "Usage",
    "Worker",
    "WorkflowRun",
    "database_now",
]
