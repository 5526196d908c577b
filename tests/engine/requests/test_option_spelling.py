"""Options of a request may be written in every valid way; an unknown name is an error."""

from __future__ import annotations

from datetime import timedelta
from types import new_class
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from workflows.engine import (
    BadDefault,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    InvalidInput,
    InvalidRequestOptions,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowSnapshot,
    step,
)
from workflows.engine.events import Priority
from workflows.engine.serialization.event_json import event_from
from workflows.engine.serialization.scalar_events import scalar_fields
from workflows.engine.serialization.stored_event import StoredEvent


class Typed(StartEvent):
    text: str
    copies: int = 1


class Open(StartEvent):
    model_config = ConfigDict(extra="allow", title="anything")
    text: str


class Note(Event):
    text: str


class Annotated(InputRequestEvent):
    quorum: int = 2
    four_eyes: bool = True
    priority: Priority = "high"


class Bare(InputRequestEvent):
    quorum = 2  # type: ignore[pydantic-field]
    four_eyes = True  # type: ignore[pydantic-field]
    priority = "high"  # type: ignore[pydantic-field]


class OnTheClass(InputRequestEvent):
    quorum: ClassVar[int] = 2  # type: ignore[misc]
    four_eyes: ClassVar = True  # type: ignore[misc]
    priority: ClassVar[str] = "high"  # type: ignore[misc]


class Below(Bare):
    """Inherits the options of the class above."""

    due_in = timedelta(hours=1)  # type: ignore[pydantic-field]


class NumberReply(InputResponseEvent):
    response: int


def build(asked: InputRequestEvent, annotation: Any = None) -> Workflow:
    """Return a workflow whose first step makes this request."""

    def ask(event: StartEvent) -> InputRequestEvent:
        return asked

    def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent()

    def end_number(event: NumberReply) -> StopEvent:
        return StopEvent()

    ask.__annotations__["return"] = annotation or type(asked)
    bare = (annotation or type(asked)).reply is InputResponseEvent
    return Workflow("options", [step(ask), step(end if bare else end_number)])


# Names


@pytest.mark.parametrize(
    ("event", "wrong", "meant"),
    [
        (InputRequestEvent, "assigned_to", "assign_to"),
        (InputRequestEvent, "due", "due_in"),
        (InputRequestEvent, "qourum", "quorum"),
        (Bare, "four_eye", "four_eyes"),
        (InputResponseEvent, "respons", "response"),
        (StopEvent, "reslt", "result"),
        (Note, "txet", "text"),
        (Typed, "copys", "copies"),
    ],
)
def test_the_error_of_an_unknown_keyword_names_it_and_suggests_a_known_one(
    event: Any, wrong: str, meant: str
) -> None:
    with pytest.raises(ValidationError, match=rf"no field '{wrong}'; did you mean '{meant}'\?"):
        event(**{wrong: 1})


def test_an_unknown_keyword_without_a_similar_one_is_named_without_a_suggestion() -> None:
    with pytest.raises(ValidationError, match="There is no field 'zzz' ") as caught:
        Note(zzz=1)  # type: ignore[call-arg]
    assert [one["loc"] for one in caught.value.errors()] == [("text",), ("zzz",)]


def test_input_with_an_unknown_field_starts_nothing() -> None:
    @step
    def end(event: Typed) -> StopEvent:
        return StopEvent()

    flow = Workflow("typed", [end])
    with pytest.raises(InvalidInput, match="no field 'copys'; did you mean 'copies'"):
        flow.check_input({"text": "", "copys": 2})
    assert flow.start_schema()["additionalProperties"] is False


async def test_a_start_class_with_extra_allow_takes_other_fields_too() -> None:
    @step
    def end(event: Open) -> StopEvent:
        return StopEvent(result=event.model_extra)

    flow = Workflow("open", [end])
    assert await (await flow.run(text="", more=1)).result() == {"more": 1}
    assert flow.start_schema()["additionalProperties"] is True
    assert StartEvent(anything=1).model_extra == {"anything": 1}
    with pytest.raises(ValidationError):
        type("Below", (Typed,), {"__module__": __name__})(text="", more=1)


def test_a_class_that_sets_extra_keeps_its_own_rule() -> None:
    class Loose(Event):
        model_config = ConfigDict(extra="ignore")

    assert Loose(more=1).model_dump() == {}


def test_a_stored_field_that_its_class_no_longer_has_blocks_nothing() -> None:
    class Outer(Event):
        notes: list[Note]

    stored = {"notes": [{"text": "a", "gone": 1}], "gone": {"x": 1}}
    assert StoredEvent("Outer", stored).to_event({"Outer": Outer}) == Outer(notes=[Note(text="a")])
    assert stored["gone"] == {"x": 1}
    with pytest.raises(ValidationError, match="text"):
        event_from(Note, {"gone": 1})


def test_events_of_scalars_are_stored_as_their_fields() -> None:
    assert scalar_fields(Note(text="a")) == {"text": "a"}


@pytest.mark.parametrize(
    "spelling", ["four_eye = True", "quorom: int = 2", "assigned_to: ClassVar = ()"]
)
def test_a_class_attribute_that_is_spelt_almost_like_an_option_is_refused(spelling: str) -> None:
    scope = {"InputRequestEvent": InputRequestEvent, "ClassVar": ClassVar, "__name__": __name__}
    with pytest.raises(TypeError, match="Asked has '.*', which is no option .* did you mean '"):
        exec(f"class Asked(InputRequestEvent):\n    {spelling}\n", scope)


def test_a_request_class_may_have_fields_of_its_own() -> None:
    class Mine(InputRequestEvent):
        due: str = "tomorrow"
        team: ClassVar[str] = "a"

    assert (Mine(prompt="?").due, Mine.team) == ("tomorrow", "a")


# Spellings


@pytest.mark.parametrize("asked", [Annotated, Bare, OnTheClass, Below])
def test_a_class_may_set_its_options_in_any_spelling(asked: type[InputRequestEvent]) -> None:
    event = asked(prompt="?")
    assert (event.quorum, event.four_eyes, event.priority) == (2, True, "high")
    again = asked(prompt="?", quorum=3, four_eyes=False, priority="low")
    assert (again.quorum, again.four_eyes, again.priority) == (3, False, "low")
    data = StoredEvent.from_event(event).data()
    assert (data["quorum"], data["four_eyes"]) == (2, True)
    assert build(event).request_class(asked.__name__) is asked


async def test_the_options_of_a_request_are_kept_in_a_snapshot() -> None:
    flow = build(InputRequestEvent(prompt="?", quorum=2, four_eyes=True))
    snapshot = await (await flow.run()).snapshot()
    state = WorkflowSnapshot.from_json(snapshot.to_json()).state()
    [request] = [one.event.to_event(flow.events) for one in state.requests.values()]
    assert (request.quorum, request.four_eyes) == (2, True)


@pytest.mark.parametrize("value", [0, -1, True, "2", 2.0, 101, None])
def test_a_quorum_that_is_not_a_count_is_an_error_wherever_it_is_set(value: Any) -> None:
    with pytest.raises(ValidationError, match="quorum"):
        InputRequestEvent(prompt="?", quorum=value)
    odd = odd_class(quorum=value)
    with pytest.raises(ValidationError, match="quorum"):
        odd(prompt="?")
    with pytest.raises(BadDefault, match=r"asks Odd, but its option 'quorum' is"):
        build(odd.model_construct(prompt="?"))


@pytest.mark.parametrize("value", ["no", 1, None])
def test_four_eyes_are_true_or_false(value: Any) -> None:
    with pytest.raises(ValidationError, match="four_eyes"):
        InputRequestEvent(prompt="?", four_eyes=value)
    odd = odd_class(four_eyes=value)
    with pytest.raises(BadDefault, match="'four_eyes' is .*, neither True nor False"):
        build(odd.model_construct(prompt="?"))


def odd_class(**values: Any) -> Any:
    """Return a request class whose body sets these attributes."""
    return new_class("Odd", (InputRequestEvent,), exec_body=lambda body: _set_all(body, values))


def _set_all(body: Any, values: dict[str, Any]) -> None:
    for name, value in {"__module__": __name__, **values}.items():
        body[name] = value


class NumberAsked(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = NumberReply


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (NumberAsked(prompt="?", quorum=2), "quorum"),
        (InputRequestEvent(prompt="?", quorum=2, allow=frozenset({"reject"})), "quorum"),
        (NumberAsked(prompt="?", four_eyes=True, payload={"a": 1}, editable=("a",)), "editable"),
        (InputRequestEvent(prompt="?").model_copy(update={"quorum": 0}), "quorum"),
        (InputRequestEvent(prompt="?").model_copy(update={"four_eyes": "yes"}), "four_eyes"),
    ],
)
async def test_a_step_fails_if_its_request_cannot_be_stored_and_the_error_names_the_field(
    asked: InputRequestEvent, field: str
) -> None:
    handler = await build(asked).run()
    with pytest.raises(InvalidRequestOptions, match=f"its field '{field}'"):
        await handler.result()


def test_models_in_an_event_keep_their_rule_for_unknown_fields() -> None:
    class Loose(BaseModel):
        model_config = ConfigDict(extra="allow")

    class Holder(Event):
        inner: Loose

    loaded = event_from(Holder, {"inner": {"a": 1}, "gone": 2})
    assert loaded.inner.model_extra == {"a": 1}


@pytest.mark.parametrize("name", ["quorum", "four_eyes", "assign_to"])
def test_an_option_that_is_set_on_a_finished_class_is_an_error(name: str) -> None:
    class Late(InputRequestEvent):
        pass

    with pytest.raises(TypeError, match=rf"Late\.{name} cannot be set any more"):
        setattr(Late, name, 2)
    Late.__doc__ = "Anything else can."


def test_a_class_made_by_type_is_checked_for_misspelt_options_too() -> None:
    body = {"__module__": __name__, "__annotations__": {"four_eye": bool}, "four_eye": True}
    with pytest.raises(TypeError, match="did you mean 'four_eyes'"):
        type("Typo", (InputRequestEvent,), body)
