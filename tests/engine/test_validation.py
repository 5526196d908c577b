"""Building a workflow: mistakes that annotations show are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from workflows.engine import (
    AmbiguousReply,
    DuplicateEvent,
    DuplicateStep,
    DuplicateWorkflow,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    InvalidInput,
    InvalidStep,
    StartEvent,
    StartEventError,
    StopEvent,
    UnansweredRequest,
    UnknownWorkflow,
    UnroutedEvent,
    Workflow,
    WorkflowBuilder,
    WorkflowError,
    registry,
    step,
)


class A(Event):
    pass


class Reply(InputResponseEvent):
    response: int


class Ask(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = Reply


class TypedStart(StartEvent):
    text: str
    limit: int = 3


@step
def begin(event: StartEvent) -> StopEvent:
    return StopEvent(result=event.model_extra)


def make(name: str, takes: Any, gives: Any) -> Any:
    def function(event: Any) -> Any: ...

    function.__annotations__ = {"event": takes, "return": gives}
    return step(name=name)(function)


def refused(kind: type[WorkflowError], *steps: Any) -> str:
    with pytest.raises(kind) as caught:
        Workflow("claims", steps)
    assert "'claims'" in str(caught.value)
    return str(caught.value)


def test_event_that_no_step_takes_is_refused() -> None:
    reported = refused(UnroutedEvent, make("first", StartEvent, A | StopEvent))
    assert "'first' returns A" in reported


def test_request_whose_reply_no_step_takes_is_refused() -> None:
    reported = refused(UnansweredRequest, make("first", StartEvent, Ask))
    assert "'first' asks Ask" in reported
    assert "Reply" in reported


def test_two_steps_of_one_name_are_refused() -> None:
    assert "'begin'" in refused(DuplicateStep, begin, begin)


def test_two_events_of_one_name_are_refused() -> None:
    other = type("A", (Event,), {})
    steps = [make("first", StartEvent, A), make("second", A, other), make("third", other, None)]
    assert "'A'" in refused(DuplicateEvent, *steps)


def test_a_class_of_another_workflow_does_not_collide() -> None:
    type("Ask", (Ask,), {"__module__": "elsewhere"})
    steps = [make("first", StartEvent, Ask), make("second", Reply, StopEvent)]
    assert Workflow("own", steps).events["Ask"] is Ask


def test_workflow_without_a_start_is_refused() -> None:
    refused(StartEventError, make("only", A, StopEvent))
    with pytest.raises(StartEventError):
        Workflow("empty", [])


def test_two_start_classes_are_refused() -> None:
    reported = refused(StartEventError, begin, make("other", TypedStart, StopEvent))
    assert "StartEvent" in reported
    assert "TypedStart" in reported


def test_untyped_reply_is_ambiguous_if_several_steps_ask_and_several_accept_it() -> None:
    steps = [
        make("ask_price", StartEvent, InputRequestEvent | A),
        make("ask_date", A, InputRequestEvent),
        make("price", InputResponseEvent, StopEvent),
        make("date", InputResponseEvent, None),
    ]
    reported = refused(AmbiguousReply, *steps)
    assert all(name in reported for name in ("ask_price", "ask_date", "price", "date"))
    Workflow("one asks", [steps[0], make("end", A, None), steps[2], steps[3]])
    Workflow("one takes", steps[:3])


@pytest.mark.parametrize("cls", [StopEvent, InputRequestEvent, Ask, Event])
def test_step_cannot_accept_an_event_that_is_never_routed(cls: type[Event]) -> None:
    reported = refused(InvalidStep, begin, make("odd", cls, None))
    assert "'odd'" in reported
    assert cls.__name__ in reported


def test_plain_function_is_refused() -> None:
    with pytest.raises(InvalidStep, match="decorate it"):
        Workflow("claims", [lambda event: None])  # type: ignore[list-item]
    with pytest.raises(InvalidStep):
        Workflow("", [begin])


def test_the_builder_builds_the_same_workflow() -> None:
    built = WorkflowBuilder("one", description="Says so.").step(begin).build()
    assert built.steps == Workflow("one", [begin]).steps
    assert built.description == "Says so."


def test_signature_depends_on_schemas_and_not_on_source_text() -> None:
    def one(event: StartEvent) -> StopEvent:
        return StopEvent(result=1)

    def two(event: StartEvent) -> StopEvent:
        return StopEvent(result=2)

    def build(function: Callable[..., Any], name: str = "s") -> str:
        return Workflow("same", [step(name=name)(function)]).signature

    assert build(one) == build(two)
    assert build(one) != build(one, "t")
    assert build(one) != Workflow("same", [make("s", TypedStart, StopEvent)]).signature


def test_second_workflow_of_a_name_is_refused(
    register: Callable[[Workflow], Workflow],
) -> None:
    first = register(Workflow("taken", [begin]))
    assert register(first) is first
    with pytest.raises(DuplicateWorkflow, match="'taken'"):
        register(Workflow("taken", [begin]))
    assert registry.get("taken") is first
    assert "taken" in registry
    assert first in list(registry)


def test_unknown_workflow_is_named_with_those_that_exist(
    register: Callable[[Workflow], Workflow],
) -> None:
    register(Workflow("known", [begin]))
    with pytest.raises(UnknownWorkflow, match=r"'nope'.*known"):
        registry.get("nope")


# Input

typed = Workflow("typed", [make("first", TypedStart, StopEvent)])
free = Workflow("free", [begin])


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({}, ("text",)),
        ({"text": 3}, ("text",)),
        ({"text": "a", "limit": "many"}, ("limit",)),
        ({"text": "a", "bogus": 1}, ("bogus",)),
        ([1], ()),
        ("text", ()),
        ({"text": "a\x00"}, ()),
    ],
)
def test_the_error_of_an_input_that_does_not_fit_names_the_field(
    data: Any, place: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInput, match="'typed'") as caught:
        typed.check_input(data)
    assert [tuple(fault["loc"]) for fault in caught.value.errors] == [place]
    assert all(fault["msg"] and fault["type"] for fault in caught.value.errors)


@pytest.mark.parametrize(
    "value",
    [float("nan"), "\x00", "\ud800", object()],
    ids=["nan", "nul", "surrogate", "object"],
)
def test_untyped_input_accepts_only_values_that_can_be_stored(value: Any) -> None:
    with pytest.raises(InvalidInput, match="'free'"):
        free.check_input({"value": {"in": value}})


def test_input_is_normalised_and_can_be_read_again() -> None:
    class Files(StartEvent):
        body: bytes

    files = Workflow("files", [make("first", Files, StopEvent)])
    data = files.check_input(Files(body=b"\xff"))
    assert data == {"body": "_w=="}
    assert files.start_event(data) == Files(body=b"\xff")
    assert typed.check_input({"text": "a"}) == {"text": "a", "limit": 3}
    assert free.check_input(None) == {}


def test_another_start_event_is_read_as_the_start_class_of_the_workflow() -> None:
    assert type(free.start_event(TypedStart(text="a"))) is StartEvent
    assert typed.start_event(StartEvent.model_validate({"text": "a"})) == TypedStart(text="a")


async def test_input_is_one_value_or_keywords_not_both() -> None:
    with pytest.raises(InvalidInput, match="'free'"):
        await free.run({"a": 1}, b=2)
    assert await (await free.run(a=1)).result() == {"a": 1}


def test_start_schema_has_whether_other_fields_are_allowed() -> None:
    assert free.start_schema()["additionalProperties"] is True
    schema = typed.start_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["text"]


def test_graph_shows_the_person_between_asking_and_taking() -> None:
    graph = Workflow(
        "drawn", [make("first", StartEvent, Ask), make("second", Reply, StopEvent)]
    ).graph()
    assert {(node.id, node.kind) for node in graph.nodes} == {
        ("start", "start"), ("first", "step"), ("second", "step"),
        ("person:Ask", "person"), ("stop", "stop"),
    }  # fmt: skip
    assert {(edge.source, edge.target, edge.label) for edge in graph.edges} == {
        ("start", "first", "StartEvent"), ("first", "person:Ask", "Ask"),
        ("person:Ask", "second", "Reply"), ("second", "stop", "StopEvent"),
    }  # fmt: skip
