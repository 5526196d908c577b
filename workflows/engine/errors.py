"""The errors of the engine, one class for each case. The message names the thing."""

from __future__ import annotations

from typing import Any


class WorkflowError(Exception):
    """The base class of all errors that the engine raises."""


class BuildError(WorkflowError):
    """A workflow cannot be built from its declaration."""


class InvalidStep(BuildError):
    """The signature or the options of a step are not valid."""


class BadName(InvalidStep):
    """The name of a workflow, a step or an event does not fit into a column or an address."""


class BadReply(BuildError):
    """A reply class has a field that no answer can fill."""


class NoSchema(BuildError):
    """A start event or a reply has no JSON Schema, so no form can be made for it."""


class DuplicateStep(BuildError):
    """Two steps of one workflow have the same name."""


class DuplicateEvent(BuildError):
    """Two event classes of one workflow have the same stored name."""


class StartEventError(BuildError):
    """The steps take no start class, or more than one."""


class UnroutedEvent(BuildError):
    """A step returns, by its annotation, an event that no step accepts."""


class UnsentEventWarning(UserWarning):
    """A step accepts an event which no step of the workflow emits."""


class UnansweredRequest(BuildError):
    """A step makes a request whose reply no step accepts."""


class AmbiguousReply(BuildError):
    """Several steps make requests and several accept the default reply, so routing is ambiguous."""


class QuorumWithoutVerdict(BuildError):
    """Several people have to approve, but the reply has no field for an approval."""


class BadDefault(BuildError):
    """A request class has a default that is not valid."""


class DuplicateWorkflow(WorkflowError):
    """A workflow with this name is registered already."""


class UnknownWorkflow(WorkflowError):
    """No workflow with this name is registered."""


class DetailedError(WorkflowError):
    """An error with one entry per fault: dicts of `loc`, `msg` and `type`, as in pydantic."""

    def __init__(self, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.errors = errors or []


class InvalidInput(DetailedError):
    """The input does not fit the workflow's start event."""


class InvalidReply(DetailedError):
    """The answer does not fit the request's reply. The request is unchanged."""


class InvalidRequestOptions(WorkflowError):
    """A step made a request with an option that is not valid; the message names the field."""


class UnknownRequest(WorkflowError):
    """The run has no request with this id."""


class AlreadyAnswered(WorkflowError):
    """The request was answered before."""


class RequestClosed(WorkflowError):
    """The request expired, or its run has ended."""


class UnstorableValue(WorkflowError):
    """A value is neither JSON nor of another type that can be stored."""


class InvalidReturn(WorkflowError):
    """A step returned a value that is no event, no list of events and not None."""


class UnroutableEvent(WorkflowError):
    """A step emitted an event that no step accepts."""


class DuplicateRequest(WorkflowError):
    """A step used a `request_id` that exists in its run already."""


class CollectEventError(WorkflowError):
    """`collect_events` was called with an event that is not in the list of classes."""


class ContextClosed(WorkflowError):
    """The step ran longer than its timeout or its run. Its calls are refused."""


class StepFailed(WorkflowError):
    """A step raised an error, and has no retries left."""


class StepTimeout(WorkflowError):
    """A step took longer than its timeout."""


class WrongRequestId(WorkflowError):
    """The input handler answered a request that is not the one it was called for."""


class WorkflowStalled(WorkflowError):
    """The run has no step, timer or request left, and no step returned a StopEvent."""


class RequestExpired(WorkflowError):
    """A request was not answered before its deadline."""


class WorkflowCancelled(WorkflowError):
    """The run was cancelled."""


class BadSnapshot(WorkflowError):
    """The text is no snapshot, or its format is not supported by this version."""


class IncompatibleRun(WorkflowError):
    """The state of a run does not fit the present code of its workflow."""


def is_own(error: BaseException) -> bool:
    """Return True if the class of `error` is defined in this module.

    Classes elsewhere with the same name, or subclasses, do not count. Classes are compared by
    identity, because a metaclass may define other comparisons.
    """
    return any(type(error) is cls for cls in _OWN.values())


def error_class(kind: str) -> type[WorkflowError]:
    """Return the class named `kind`, or `WorkflowError` if there is none."""
    return _OWN.get(kind, WorkflowError)


_OWN: dict[str, type[WorkflowError]] = {
    name: found
    for name, found in list(globals().items())
    if isinstance(found, type) and issubclass(found, WorkflowError)
}
