"""The definition of a workflow: a name and steps, checked as a graph when it is built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property
from typing import Any

from pydantic import PydanticUserError, ValidationError

from workflows.engine.errors import (
    InvalidInput,
    InvalidStep,
    UnknownRequest,
    UnstorableValue,
)
from workflows.engine.events import Event, InputRequestEvent, InputResponseEvent, StartEvent
from workflows.engine.graph import Graph, draw
from workflows.engine.requests.input_reader import validated
from workflows.engine.requests.reply import check_reply, schema_digest, schema_of
from workflows.engine.schemas.json_schema import FormSchema
from workflows.engine.schemas.unknown_fields import name_unknown_fields
from workflows.engine.schemas.validation_errors import error_list, format_errors
from workflows.engine.serialization.stored_event import StoredEvent
from workflows.engine.step import Step
from workflows.engine.validation import (
    check_forms,
    check_steps,
    check_workflow_name,
    event_classes,
    four_eyes_requests,
    start_class,
    warn_of_unsent,
)

InputHandler = Callable[[InputRequestEvent], Awaitable[InputResponseEvent | None]]


class Definition:
    """Typed steps connected by events: the part of a workflow that a run needs.

    It has no state of runs and does not run anything; `Workflow` adds methods to run it.

    `four_eyes` has the names of the request classes that need a second person by default.

    Raise a `BuildError` that names the step or event if the graph is not valid.
    """

    def __init__(
        self,
        name: str,
        steps: Iterable[Step],
        *,
        input_handler: InputHandler | None = None,
        description: str = "",
    ) -> None:
        parts = list(steps)
        check_workflow_name(name)
        for part in parts:
            if not isinstance(part, Step):
                raise InvalidStep(
                    f"Workflow {name!r}: {part!r} is not a step; decorate it with @step."
                )
        check_steps(name, parts)
        self.name = name
        self.description = description
        self.input_handler = input_handler
        self.steps: dict[str, Step] = {part.name: part for part in parts}
        self.start_class = start_class(name, parts)
        self.events = event_classes(name, parts)
        check_forms(name, self.start_class, self.events.values())
        warn_of_unsent(name, parts)
        self.four_eyes = four_eyes_requests(parts)
        self._schemas: dict[str, dict[str, Any] | None] = {}
        self._schema_digests: dict[str, str] = {}
        self._accepting_steps = {
            cls: self._find_accepting_steps(cls) for cls in self.events.values()
        }

    def _find_accepting_steps(self, cls: type[Event]) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps.values() if cls in step.accepts)

    def accepting_steps(self, cls: type[Event]) -> tuple[str, ...]:
        """Return the names of the steps that take events of exactly this class."""
        return self._accepting_steps.get(cls, ())

    @cached_property
    def signature(self) -> str:
        """A digest of the step names, accepted events and their schemas, not of source text."""
        shape = {
            step.name: {cls.__name__: _shape(cls) for cls in step.accepts}
            for step in self.steps.values()
        }
        text = json.dumps(shape, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def graph(self) -> Graph:
        """Return the workflow as nodes and edges."""
        return draw(self.steps.values())

    # Input

    def start_event(self, data: Any = None) -> StartEvent:
        """Return the start event that `data` (a dict, an event or None) describes.

        Raise `InvalidInput` with one entry per fault.
        """
        if isinstance(data, StartEvent) and type(data) is not self.start_class:
            data = data.model_dump(exclude_computed_fields=True)
        try:
            if isinstance(data, StartEvent):
                return data
            return validated(self.start_class, {} if data is None else data, "input")
        except UnstorableValue as error:
            raise self._unstorable(error) from error
        except ValidationError as error:
            errors = error_list(name_unknown_fields(error, self.start_class))
            message = f"Workflow {self.name!r}: the input does not fit: {format_errors(errors)}"
            raise InvalidInput(message, errors) from error

    def check_input(self, data: Any = None) -> dict[str, Any]:
        """Return the input as normalised JSON; raise `InvalidInput`."""
        found: dict[str, Any] = self.stored_input(data).data()
        return found

    def stored_input(self, data: Any) -> StoredEvent:
        """Return the start event that `data` describes, in stored form; raise `InvalidInput`."""
        try:
            return StoredEvent.from_event(self.start_event(data))
        except UnstorableValue as error:
            raise self._unstorable(error) from error

    def _unstorable(self, error: UnstorableValue) -> InvalidInput:
        fault = {"loc": (), "msg": str(error), "type": "unstorable"}
        return InvalidInput(f"Workflow {self.name!r}: {error}", [fault])

    def start_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the input."""
        schema = self.start_class.model_json_schema(schema_generator=FormSchema)
        schema["additionalProperties"] = self.start_class.model_config.get("extra") == "allow"
        return schema

    # Replies

    def request_class(self, name: str) -> type[InputRequestEvent]:
        """Return the request class of this wire name; raise `UnknownRequest`."""
        cls = self.events.get(name)
        if cls is None or not issubclass(cls, InputRequestEvent):
            raise UnknownRequest(f"Workflow {self.name!r} declares no request class {name!r}.")
        return cls

    def reply_schema(self, request: str) -> dict[str, Any] | None:
        """Return the JSON Schema of the answer to a request class, None without a reply class."""
        if request not in self._schemas:
            self._schemas[request] = schema_of(self.request_class(request).reply)
        return self._schemas[request]

    def reply_digest(self, request: str) -> str:
        """Return the digest of `reply_schema`. Equal schemas have equal digests."""
        if request not in self._schema_digests:
            self._schema_digests[request] = schema_digest(self.reply_schema(request))
        return self._schema_digests[request]

    def check_reply(self, request: str, allow: Iterable[str], response: Any) -> Any:
        """Return an answer as normalised JSON; raise `InvalidReply` with one entry per fault."""
        return check_reply(self.request_class(request), allow, response)


def _shape(cls: type[Event]) -> Any:
    try:
        return cls.model_json_schema()
    except PydanticUserError:  # a type of a field has no schema, although its values may have JSON
        return {name: str(field.annotation) for name, field in cls.model_fields.items()}
