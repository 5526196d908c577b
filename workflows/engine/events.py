"""The events that connect steps. Routing goes by exact class, the wire name is the class name."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any, ClassVar, Literal
from uuid import uuid4

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    field_serializer,
)

from workflows.engine.schemas.event_metaclass import EventType
from workflows.engine.schemas.unknown_fields import name_unknown_fields

ReplyKind = Literal["approve", "reject", "reply"]
Priority = Literal["low", "normal", "high", "urgent"]
EditType = Literal["decimal", "date", "datetime", "time", "timedelta", "uuid"]
OnDeadline = Literal["fail", "default", "stay_open"]
REPLY_KINDS: frozenset[ReplyKind] = frozenset({"approve", "reject", "reply"})
LARGEST_QUORUM = 100


class Event(BaseModel, metaclass=EventType):
    """What one step returns and another takes. Immutable; subclass it with typed fields.

    A field that the class does not declare is an error that names it, unless the class has an
    `extra` of its own in its `model_config`.
    """

    # NaN is kept as it is, to be refused: written as null, it would be lost without an error.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="constants",
    )

    def __init__(self, /, **data: Any) -> None:
        """Check the fields; raise pydantic's `ValidationError` that names each fault."""
        __tracebackhide__ = True
        try:
            self.__pydantic_validator__.validate_python(data, self_instance=self)
        except ValidationError as error:
            raise name_unknown_fields(error, type(self)) from None

    # Pydantic then builds events from JSON without a call of Python, as it does its own models.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class StartEvent(Event):
    """A run's input. Takes any fields as it is; a subclass takes those it declares.

    A subclass with `extra="allow"` in its own `model_config` takes any others, too.
    """

    model_config = ConfigDict(extra="allow")
    open_itself: ClassVar[bool] = True


class StopEvent(Event):
    """Ends the run. `result` is what `handler.result()` returns.

    A subclass with fields of its own, which leaves `result` alone, gives these as a dict.
    """

    result: Any = None


class InputResponseEvent(Event):
    """A person's answer, matched to its request by `request_id`.

    An untyped answer is `{"approved": bool, "comment"?: str}` or, as a reply, any other JSON but
    null. A subclass annotates `response` with the type that an answer must have. `edits` are the
    payload's keys that were changed before it was approved; `ctx.effective_payload` has them.
    """

    request_id: str
    response: Any
    edits: dict[str, Any] = {}

    @property
    def approved(self) -> bool | None:
        """True or False for a verdict, None for a reply."""
        value = self._read("approved")
        return value if isinstance(value, bool) else None

    @property
    def comment(self) -> str | None:
        """The remark that came with a verdict."""
        value = self._read("comment")
        return value if isinstance(value, str) else None

    @property
    def text(self) -> str | None:
        """The text of a reply, None for a verdict and for a reply that is no text."""
        return self.response if isinstance(self.response, str) else None

    def _read(self, name: str) -> Any:
        if isinstance(self.response, dict):
            return self.response.get(name)
        return getattr(self.response, name, None)


class InputRequestEvent(Event):
    """Asks a person. The run goes on with whatever else it can do, then waits.

    `payload` is JSON shown with the prompt, and becomes plain JSON when it is asked. `allow` says
    which answers an untyped request takes. A request not answered within `due_in` expires, and its
    run fails, unless `on_deadline` says that `default_response` answers then, or that it stays
    open.

    `assign_to` names users and groups ("alice", "group:finance") that may see it, all reviewers
    if none. `remind_in` and `escalate_in` count from when it was asked; the escalation adds
    `escalate_to` to the assignees. `if_approved` is one line that says what an approval does;
    `editable` are keys of the payload that may be changed before it; `editable_types` says which of
    them were no texts before the payload became JSON, and is filled in where it is not given.

    With `four_eyes` whoever started the run may not answer, and `quorum` is how many different
    people have to approve, 1 to 100.

    A subclass names the class of its `reply`, and may give any of these a default of its own.
    """

    reply: ClassVar[type[InputResponseEvent]] = InputResponseEvent
    class_options: ClassVar[frozenset[str]] = frozenset()

    request_id: str = Field(default_factory=lambda: str(uuid4()), min_length=1, max_length=200)
    prompt: str
    payload: Any = None
    allow: frozenset[ReplyKind] = Field(default=REPLY_KINDS, min_length=1)
    due_in: timedelta | None = None
    assign_to: tuple[str, ...] = ()
    priority: Priority = "normal"
    tags: tuple[str, ...] = ()
    remind_in: timedelta | None = None
    escalate_in: timedelta | None = None
    escalate_to: tuple[str, ...] = ()
    on_deadline: OnDeadline = "fail"
    default_response: Any = None
    if_approved: str = ""
    editable: tuple[str, ...] = ()
    editable_types: dict[str, EditType] = {}
    four_eyes: StrictBool = False
    quorum: StrictInt = Field(default=1, ge=1, le=LARGEST_QUORUM)

    @property
    def has_generated_id(self) -> bool:
        """True if `request_id` is the engine's own, False if the step gave it."""
        return "request_id" not in self.model_fields_set and _makes_ids(type(self))

    @field_serializer("allow", when_used="json")
    def _sort(self, allow: frozenset[ReplyKind]) -> list[ReplyKind]:
        """Write the set in one order, so that the same request is the same JSON."""
        return sorted(allow)


# From here on: what a subclass gives to one of these is the field's default.
InputRequestEvent.class_options = frozenset(InputRequestEvent.model_fields)


@lru_cache(maxsize=1024)
def _makes_ids(cls: type[InputRequestEvent]) -> bool:
    ours = InputRequestEvent.model_fields["request_id"].default_factory
    return cls.model_fields["request_id"].default_factory is ours
