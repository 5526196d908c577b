"""The database rows of runs, their history and their requests."""

from workflows.models.choices import Priority
from workflows.models.requests.assignment import Assignment
from workflows.models.requests.request import InputRequest
from workflows.models.requests.route import Route
from workflows.models.runs.author import AuthorIsFinal, RunAuthor
from workflows.models.runs.delivery import Delivery
from workflows.models.runs.journal import JournalEntry, Snapshot
from workflows.models.runs.run import WorkflowRun
from workflows.models.usage import Usage
from workflows.models.worker_heartbeat import WorkerHeartbeat
from workflows.sql.clock import database_now

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
    "WorkerHeartbeat",
    "WorkflowRun",
    "database_now",
]
