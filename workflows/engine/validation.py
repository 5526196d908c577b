"""Checks a workflow when it is built: the names, and the annotations.

A name has to fit into a column of the database and into the address of a page.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

from workflows.engine.errors import (
    AmbiguousReply,
    BadName,
    BadReply,
    DuplicateEvent,
    DuplicateStep,
    InvalidStep,
    NoSchema,
    StartEventError,
    UnansweredRequest,
    UnroutedEvent,
    UnsentEventWarning,
)
from workflows.engine.events import (
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
)
from workflows.engine.requests.options import check_defaults, default_of
from workflows.engine.requests.reply import schema_of
from workflows.engine.serialization.codec import encode
from workflows.engine.step import Step

MAX_WORKFLOW_LENGTH = 100  # characters in the name of a workflow
MAX_NAME_LENGTH = 200  # in that of a step or an event


def check_steps(workflow: str, steps: Sequence[Step]) -> None:
    """Raise the `BuildError` of the first fault of these steps."""
    _check_names(workflow, steps)
    accepted = {cls for step in steps for cls in step.accepts}
    for step in steps:
        for cls in step.accepts:
            if issubclass(cls, (StopEvent, InputRequestEvent)) or cls is Event:
                raise InvalidStep(
                    f"Workflow {workflow!r}: step {step.name!r} cannot take {cls.__name__}: "
                    "it is never routed to a step."
                )
        for cls in step.returns or ():
            _check_routed(workflow, step, cls, accepted)
            if issubclass(cls, InputRequestEvent):
                check_defaults(f"Workflow {workflow!r}: step {step.name!r}", cls)
    _check_untyped_reply(workflow, steps)


def check_forms(workflow: str, start: type[StartEvent], events: Iterable[type[Event]]) -> None:
    """Raise `NoSchema` or `BadReply` if no form can be made, `BadName` for a class name."""
    where = f"Workflow {workflow!r}"
    _check_schema(f"{where}: the start event {start.__name__}", start.model_json_schema)
    for cls in events:
        check_name(f"{where}: an event", cls.__name__)
        if issubclass(cls, InputResponseEvent):
            what = f"{where}: the reply {cls.__name__}"
            _check_schema(what, partial(schema_of, cls))
            _check_own_fields(what, cls)


def _check_own_fields(what: str, reply: type[InputResponseEvent]) -> None:
    for name in reply.model_fields:
        if name in InputResponseEvent.model_fields:
            continue
        meant = " Did you mean 'response'?" if get_close_matches(name, ["response"]) else ""
        raise BadReply(
            f"{what} has a field {name!r} of its own that no answer fills in.{meant} Put what an "
            "answer says into the model of its field 'response'."
        )


def _check_schema(what: str, schema: Callable[[], Any]) -> None:
    try:
        found = schema()
        encode(found)
        json.dumps(found, allow_nan=False)
    except Exception as error:  # a type's own schema function may raise any error
        raise NoSchema(f"{what} has no JSON Schema: {error}") from error


def start_class(workflow: str, steps: Iterable[Step]) -> type[StartEvent]:
    """Return the start class that the steps take; raise `StartEventError` unless it is only one."""
    found = {cls for step in steps for cls in step.accepts if issubclass(cls, StartEvent)}
    if len(found) != 1:
        names = ", ".join(sorted(cls.__name__ for cls in found))
        taken = f"several start events ({names})" if found else "no StartEvent"
        raise StartEventError(
            f"Workflow {workflow!r}: its steps take {taken}; it needs exactly one."
        )
    return found.pop()


def four_eyes_requests(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the names of the request classes that need a second person by default."""
    asked = (cls for step in steps for cls in step.returns or ())
    found = {
        cls.__name__
        for cls in asked
        if issubclass(cls, InputRequestEvent) and default_of(cls, "four_eyes")
    }
    return tuple(sorted(found))


def event_classes(workflow: str, steps: Iterable[Step]) -> dict[str, type[Event]]:
    """Return the declared event classes by name; raise `DuplicateEvent` if two share a name."""
    declared: list[type[Event]] = [StopEvent, InputRequestEvent, InputResponseEvent]
    implied: list[type[Event]] = []
    for step in steps:
        for cls in (*step.accepts, *(step.returns or ())):
            declared.append(cls)
            if issubclass(cls, InputRequestEvent):
                declared.append(cls.reply)
            if issubclass(cls, InputResponseEvent) and cls is not InputResponseEvent:
                implied.extend(_requests_for(cls))
    classes: dict[str, type[Event]] = {}
    for cls in declared:
        if classes.setdefault(cls.__name__, cls) is not cls:
            raise DuplicateEvent(
                f"Workflow {workflow!r}: two event classes are named {cls.__name__!r}."
            )
    for cls in implied:
        classes.setdefault(cls.__name__, cls)  # another workflow's may have the same name
    return classes


def _requests_for(reply: type[InputResponseEvent]) -> list[type[Event]]:
    """Return the request classes with this reply. A step without annotation may return one."""
    found: list[type[Event]] = []
    waiting: list[type[InputRequestEvent]] = [InputRequestEvent]
    while waiting:
        cls = waiting.pop()
        waiting.extend(cls.__subclasses__())
        if cls.reply is reply:
            found.append(cls)
    return found


def check_workflow_name(name: object) -> None:
    """Raise `BadName` for a name that cannot be part of the address of a page."""
    check_name("A workflow", name, MAX_WORKFLOW_LENGTH)
    parts = str(name).split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise BadName(f"Workflow {name!r}: no part of its name may be empty, '.' or '..'.")
    if len(parts) > 1 and parts[-1] == "start":
        raise BadName(f"Workflow {name!r}: its name ends as the address of a start page does.")


def check_name(what: str, name: object, longest: int = MAX_NAME_LENGTH) -> None:
    """Raise `BadName` for a name that is empty, too long, or has invisible characters."""
    if not isinstance(name, str) or not name.strip() or len(name) > longest:
        raise BadName(f"{what} needs a name of 1 to {longest} characters, not {_short(name)}.")
    if not name.isprintable() or name != name.strip():
        raise BadName(f"{what} cannot be named {_short(name)}: some of it cannot be seen.")


def _short(name: object) -> str:
    return ascii(name) if len(ascii(name)) < 80 else ascii(name)[:77] + "..."


def _check_names(workflow: str, steps: Sequence[Step]) -> None:
    names = [step.name for step in steps]
    for name in names:
        check_name(f"Workflow {workflow!r}: a step", name)
        if names.count(name) > 1:
            raise DuplicateStep(f"Workflow {workflow!r}: two steps are named {name!r}.")


def _check_routed(workflow: str, step: Step, cls: type[Event], accepted: set[type[Event]]) -> None:
    if issubclass(cls, InputRequestEvent):
        if cls.reply not in accepted:
            raise UnansweredRequest(
                f"Workflow {workflow!r}: step {step.name!r} asks {cls.__name__}, "
                f"but no step takes its reply {cls.reply.__name__}."
            )
    elif not issubclass(cls, StopEvent) and cls not in accepted:
        raise UnroutedEvent(
            f"Workflow {workflow!r}: step {step.name!r} returns {cls.__name__}, "
            "which no step takes."
        )


def warn_of_unsent(workflow: str, steps: Sequence[Step]) -> None:
    """Warn of an event that a step takes and no step emits, if this can be known.

    It is no error, because runs of older code may still have such an event.
    """
    if any(step.returns is None or step.takes_context for step in steps):
        return  # a step without a full annotation, or with a context, may emit anything
    emitted = tuple({cls for step in steps for cls in step.returns or ()})
    for step in steps:
        for cls in step.accepts:
            if not issubclass(cls, (StartEvent, InputResponseEvent, *emitted)):
                warnings.warn(
                    f"Workflow {workflow!r}: step {step.name!r} takes {cls.__name__}, which no "
                    "step returns; it will never run for it.",
                    UnsentEventWarning,
                    stacklevel=3,
                )


def _check_untyped_reply(workflow: str, steps: Sequence[Step]) -> None:
    accepting = [step.name for step in steps if InputResponseEvent in step.accepts]
    asking = [
        step.name
        for step in steps
        if any(
            issubclass(cls, InputRequestEvent) and cls.reply is InputResponseEvent
            for cls in step.returns or ()
        )
    ]
    if len(accepting) > 1 and len(asking) > 1:
        raise AmbiguousReply(
            f"Workflow {workflow!r}: the steps {', '.join(asking)} ask and the steps "
            f"{', '.join(accepting)} all take the untyped reply. Give each request a reply class."
        )
