"""What can go wrong, one class a case, each with a sentence that names the thing."""

from __future__ import annotations

from typing import Any


class WorkflowError(Exception):
    """The root of everything that the engine raises on purpose."""


class BuildError(WorkflowError):
    """A workflow cannot be built as it was declared."""


class InvalidStep(BuildError):
    """A step's signature or options do not say what the engine needs to know."""


class BadName(InvalidStep):
    """A workflow, a step or an event has a name that no column or no address can hold."""


class BadReply(BuildError):
    """A reply class has a field that no answer can fill."""


class NoSchema(BuildError):
    """A start event or a reply has no JSON Schema, so that nobody could be shown a form of it."""


class DuplicateStep(BuildError):
    """Two steps of one workflow have the same name."""


class DuplicateEvent(BuildError):
    """Two event classes of one workflow have the same name on the wire."""


class StartEventError(BuildError):
    """No step, or more than one start class, takes the run's input."""


class UnroutedEvent(BuildError):
    """A step says that it returns an event which no step accepts."""


class UnsentEventWarning(UserWarning):
    """A step accepts an event which no step of the workflow emits."""


class UnansweredRequest(BuildError):
    """A step asks something whose reply no step accepts."""


class AmbiguousReply(BuildError):
    """Several steps ask and several accept the untyped reply: none could tell whose it is."""


class QuorumWithoutVerdict(BuildError):
    """Several people have to approve, but the reply has nothing that says so."""


class BadDefault(BuildError):
    """A request class has a default that no request can have."""


class DuplicateWorkflow(WorkflowError):
    """Another workflow is registered under the name."""


class UnknownWorkflow(WorkflowError):
    """No workflow is registered under the name."""


class DetailedError(WorkflowError):
    """A refusal with one entry per fault: dicts of `loc`, `msg` and `type`, as pydantic's."""

    def __init__(self, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.errors = errors or []


class InvalidInput(DetailedError):
    """The input does not fit the workflow's start event."""


class InvalidReply(DetailedError):
    """The answer does not fit the request's reply. The request is as it was."""


class InvalidRequestOptions(WorkflowError):
    """A step made a request with options that cannot be kept; the sentence names the field."""


class UnknownRequest(WorkflowError):
    """The run never made a request of this id."""


class AlreadyAnswered(WorkflowError):
    """The request was answered before."""


class RequestClosed(WorkflowError):
    """The request expired, or its run has ended."""


class UnstorableValue(WorkflowError):
    """A value is neither JSON nor one of the types that can travel beside it."""


class InvalidReturn(WorkflowError):
    """A step returned something else than an event, a list of events or None."""


class UnroutableEvent(WorkflowError):
    """A step emitted an event that no step accepts."""


class DuplicateRequest(WorkflowError):
    """A step used a `request_id` that its run had used before."""


class CollectEventError(WorkflowError):
    """`collect_events` was called with an event that is not among those it asks for."""


class ContextClosed(WorkflowError):
    """The step outlived its timeout or its run; what it does no longer counts."""


class StepFailed(WorkflowError):
    """A step raised, and has no retries left."""


class StepTimeout(WorkflowError):
    """A step took longer than its timeout."""


class WrongRequestId(WorkflowError):
    """The input handler answered another request than it was asked."""


class WorkflowStalled(WorkflowError):
    """Nothing is queued, running, timed or open, and there was no StopEvent."""


class RequestExpired(WorkflowError):
    """Nobody answered a request before its deadline."""


class WorkflowCancelled(WorkflowError):
    """The run was cancelled."""


class BadSnapshot(WorkflowError):
    """The text is not a snapshot, or of a format that this version does not read."""


class IncompatibleRun(WorkflowError):
    """What a run holds does not fit the workflow as it is declared now."""


def is_own(error: BaseException) -> bool:
    """Return True if `error` is of a class of this module itself.

    A class that has the name of one, or inherits from one, is somebody else's. Compared by
    identity alone, because a class may bring a metaclass with ways of its own.
    """
    return any(type(error) is cls for cls in _OWN.values())


def error_class(kind: str) -> type[WorkflowError]:
    """Return the class that `kind` names, `WorkflowError` if none does."""
    return _OWN.get(kind, WorkflowError)


_OWN: dict[str, type[WorkflowError]] = {
    name: found
    for name, found in list(globals().items())
    if isinstance(found, type) and issubclass(found, WorkflowError)
}
