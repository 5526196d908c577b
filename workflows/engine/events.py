"""The events that connect steps. They are routed by exact class and stored by class name."""

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
MAX_QUORUM = 100


class Event(BaseModel, metaclass=EventType):
    """The value that one step returns and another takes. Immutable; subclass it with typed fields.

    A field that the class does not declare is an error that names it, unless the class sets `extra`
    in its `model_config`.
    """

    # NaN is not written as null, so that it is refused later and not lost without an error.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="constants",
    )

    def __init__(self, /, **data: Any) -> None:
        """Check the fields; raise pydantic's `ValidationError`, which names each fault."""
        __tracebackhide__ = True
        try:
            self.__pydantic_validator__.validate_python(data, self_instance=self)
        except ValidationError as error:
            raise name_unknown_fields(error, type(self)) from None

    # So pydantic builds events from JSON without calling Python, like its own models.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class StartEvent(Event):
    """The input of a run. This class takes any fields; a subclass takes the fields it declares.

    A subclass with `extra="allow"` in its `model_config` takes other fields, too.
    """

    model_config = ConfigDict(extra="allow")
    open_itself: ClassVar[bool] = True


class StopEvent(Event):
    """Ends the run. `result` is what `handler.result()` returns.

    If a subclass has fields of its own and does not change `result`, the result is a dict of them.
    """

    result: Any = None


class InputResponseEvent(Event):
    """A person's answer, matched to its request by `request_id`.

    Here `response` is `{"approved": bool, "comment"?: str}` or, as a reply, any other JSON but
    null. A subclass annotates `response` with the type that an answer must have. `edits` are
    the changes of the payload before the approval; `ctx.effective_payload` includes them.
    """

    request_id: str
    response: Any
    edits: dict[str, Any] = {}

    @property
    def approved(self) -> bool | None:
        """True for an approval, False for a rejection, None for a reply."""
        value = self._read("approved")
        return value if isinstance(value, bool) else None

    @property
    def comment(self) -> str | None:
        """The comment of an approval or a rejection."""
        value = self._read("comment")
        return value if isinstance(value, str) else None

    @property
    def text(self) -> str | None:
        """The text of a reply. None for an approval, a rejection, or a reply that is no text."""
        return self.response if isinstance(self.response, str) else None

    def _read(self, name: str) -> Any:
        if isinstance(self.response, dict):
            return self.response.get(name)
        return getattr(self.response, name, None)


class InputRequestEvent(Event):
    """A request to a person. The run continues with its other steps, then waits for the answer.

    `payload` is shown with the prompt. It is converted to plain JSON when the step asks. `allow`
    lists the answers that a request without a reply class accepts. If a request is not answered
    within `due_in`, it expires and its run fails. With another `on_deadline`, `default_response`
    answers then, or the request stays
    open.

    `assign_to` names the users and groups ("alice", "group:finance") that may see it; without names
    all reviewers may. `remind_in` and `escalate_in` count from the time of asking. The escalation
    adds `escalate_to` to the assignees. `if_approved` is one line that says what an approval does.
    `editable` are the keys of the payload that may be changed before the approval. `editable_types`
    says which of them were no texts before the payload became JSON. By default it is computed.

    With `four_eyes` the person who started the run may not answer. `quorum` is the number of
    different people who have to approve, 1 to 100.

    A subclass sets the class of its `reply`, and may set a default for each option.
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
    quorum: StrictInt = Field(default=1, ge=1, le=MAX_QUORUM)

    @property
    def has_generated_id(self) -> bool:
        """True if the engine has made `request_id`, False if the step gave it."""
        return "request_id" not in self.model_fields_set and _makes_ids(type(self))

    @field_serializer("allow", when_used="json")
    def _sort(self, allow: frozenset[ReplyKind]) -> list[ReplyKind]:
        """Write the set in a fixed order, so that equal requests have equal JSON."""
        return sorted(allow)


# Class attributes of subclasses set the defaults of these fields.
InputRequestEvent.class_options = frozenset(InputRequestEvent.model_fields)


@lru_cache(maxsize=1024)
def _makes_ids(cls: type[InputRequestEvent]) -> bool:
    ours = InputRequestEvent.model_fields["request_id"].default_factory
    return cls.model_fields["request_id"].default_factory is ours
