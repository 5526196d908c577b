"""Typed async steps connected by events, which pause for people and survive restarts.

Pure Python: no Django, no database. `Machine` decides, `WorkflowHandler` runs it in memory, and
the durable driver runs the same decisions on rows.
"""

from workflows.engine.context import Context
from workflows.engine.errors import (
    AlreadyAnswered,
    AmbiguousReply,
    BadSnapshot,
    BadStep,
    BuildError,
    CannotLoad,
    ContextClosed,
    DuplicateEvent,
    DuplicateRequest,
    DuplicateStep,
    DuplicateWorkflow,
    InvalidInput,
    InvalidReply,
    InvalidReturn,
    NoStart,
    RequestClosed,
    RequestExpired,
    StepFailed,
    StepTimeout,
    UnansweredRequest,
    UnknownRequest,
    UnknownWorkflow,
    UnroutableEvent,
    UnroutedEvent,
    UnstorableValue,
    WorkflowCancelled,
    WorkflowError,
    WorkflowStalled,
    WrongCollection,
    WrongRequestId,
)
from workflows.engine.events import (
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
)
from workflows.engine.graph import Edge, Graph, Node
from workflows.engine.handler import WorkflowHandler
from workflows.engine.registry import registry
from workflows.engine.snapshot import WorkflowSnapshot
from workflows.engine.steps import Step, step
from workflows.engine.workflow import Workflow, WorkflowBuilder

__all__ = [
    "AlreadyAnswered",
    "AmbiguousReply",
    "BadSnapshot",
    "BadStep",
    "BuildError",
    "CannotLoad",
    "Context",
    "ContextClosed",
    "DuplicateEvent",
    "DuplicateRequest",
    "DuplicateStep",
    "DuplicateWorkflow",
    "Edge",
    "Event",
    "Graph",
    "InputRequestEvent",
    "InputResponseEvent",
    "InvalidInput",
    "InvalidReply",
    "InvalidReturn",
    "NoStart",
    "Node",
    "RequestClosed",
    "RequestExpired",
    "StartEvent",
    "Step",
    "StepFailed",
    "StepTimeout",
    "StopEvent",
    "UnansweredRequest",
    "UnknownRequest",
    "UnknownWorkflow",
    "UnroutableEvent",
    "UnroutedEvent",
    "UnstorableValue",
    "Workflow",
    "WorkflowBuilder",
    "WorkflowCancelled",
    "WorkflowError",
    "WorkflowHandler",
    "WorkflowSnapshot",
    "WorkflowStalled",
    "WrongCollection",
    "WrongRequestId",
    "registry",
    "step",
]
