"""Validators run once, when a value arrives, so the next step gets the value that was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    FutureDatetime,
    PlainValidator,
    RootModel,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass

from tests.engine.machine_harness import Bench, through_json
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.engine.serialization.stored_event import StoredEvent

calls: Counter[str] = Counter()


def hundredfold(value: Any) -> Any:
    calls["once"] += 1
    return value * 100


def wrapped(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    return hundredfold(handler(value))


class AfterModel(BaseModel):
    n: int

    @model_validator(mode="after")
    def grow(self) -> AfterModel:
        self.n = hundredfold(self.n)
        return self


class BeforeModel(BaseModel):
    n: int

    @model_validator(mode="before")
    @classmethod
    def grow(cls, data: Any) -> Any:
        return {"n": hundredfold(data["n"])}


class WrapModel(BaseModel):
    n: int

    @model_validator(mode="wrap")
    @classmethod
    def grow(cls, data: Any, handler: Any) -> Any:
        model = handler(data)
        model.n = hundredfold(model.n)
        return model


class FieldModel(BaseModel):
    n: int

    @field_validator("n", mode="after")
    @classmethod
    def grow(cls, n: int) -> int:
        return int(hundredfold(n))


class PlainModel(BaseModel):
    n: int

    @field_validator("n", mode="plain")
    @classmethod
    def grow(cls, n: Any) -> Any:
        return hundredfold(n)


class Root(RootModel[Annotated[int, AfterValidator(hundredfold)]]):
    pass


class Made(BaseModel):
    n: int

    def __init__(self, **data: Any) -> None:
        super().__init__(n=hundredfold(data["n"]))


@dataclass
class Data:
    n: Annotated[int, AfterValidator(hundredfold)]


class Tree(BaseModel):
    n: Annotated[int, AfterValidator(hundredfold)]
    kids: list[Tree] = []


ODD: dict[str, tuple[Any, Callable[[int], Any]]] = {
    "after": (Annotated[int, AfterValidator(hundredfold)], lambda n: n),
    "before": (Annotated[int, BeforeValidator(hundredfold)], lambda n: n),
    "wrap": (Annotated[int, WrapValidator(wrapped)], lambda n: n),
    "plain": (Annotated[int, PlainValidator(hundredfold)], lambda n: n),
    "model after": (AfterModel, lambda n: {"n": n}),
    "model before": (BeforeModel, lambda n: {"n": n}),
    "model wrap": (WrapModel, lambda n: {"n": n}),
    "field": (FieldModel, lambda n: {"n": n}),
    "field plain": (PlainModel, lambda n: {"n": n}),
    "root": (Root, lambda n: n),
    "own init": (Made, lambda n: {"n": n}),
    "dataclass": (Data, lambda n: {"n": n}),
    "list": (list[Annotated[int, AfterValidator(hundredfold)]], lambda n: [n]),
    "optional": (Annotated[int, AfterValidator(hundredfold)] | None, lambda n: n),
    "keys": (dict[str, Annotated[int, AfterValidator(hundredfold)]], lambda n: {"a": n}),
    "recursive": (Tree, lambda n: {"n": n, "kids": []}),
    "nested": (list[FieldModel], lambda n: [{"n": n}]),
}


@pytest.mark.parametrize("kind", ODD)
@settings(max_examples=10, deadline=None)
@given(n=st.integers(-(10**6), 10**6))
def test_a_reply_is_validated_once_from_the_person_to_the_step(kind: str, n: int) -> None:
    annotation, given_as = ODD[kind]
    reply: Any = create_model("Reply", __base__=InputResponseEvent, response=(annotation, ...))

    class Ask(InputRequestEvent):
        pass

    Ask.reply = reply
    got: list[Any] = []

    def ask(event: StartEvent) -> Any: ...
    def end(event: Any) -> StopEvent:
        got.append(event.response)
        return StopEvent()

    ask.__annotations__["return"] = Ask
    end.__annotations__["event"] = reply
    workflow = Workflow("odd", [step(ask), step(retries=1)(end)])
    bench = Bench(workflow)
    bench.finish(bench.one(), Ask(prompt="?", request_id="r"))
    calls.clear()
    shown = workflow.check_reply("Ask", ["approve"], given_as(n))
    assert calls["once"] == 1
    assert _numbers(shown) == [n * 100]
    bench.machine.answer("r", through_json(shown))
    for _ in range(3):
        bench = bench.reload()  # another process, a snapshot, a retry
    bench.run_all()
    assert calls["once"] == 1
    assert _numbers(got[0]) == [n * 100]


def _numbers(value: Any) -> list[int]:
    """Return the numbers anywhere in a value."""
    if isinstance(value, int):
        return [value]
    if isinstance(value, RootModel):
        return _numbers(value.root)
    if isinstance(value, BaseModel):
        value = value.__dict__
    elif hasattr(value, "__dataclass_fields__"):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    return [one for item in value for one in _numbers(item)]


@pytest.mark.parametrize("kind", ODD)
def test_an_input_is_validated_once_from_the_caller_to_the_step(kind: str) -> None:
    annotation, given_as = ODD[kind]
    start: Any = create_model("Start", __base__=StartEvent, value=(annotation, ...))

    def begin(event: Any) -> StopEvent: ...  # type: ignore[empty-body]

    begin.__annotations__["event"] = start
    workflow = Workflow("odd", [step(begin)])
    calls.clear()
    stored = workflow.check_input({"value": given_as(5)})
    held = StoredEvent.from_json(through_json({"type": "Start", "data": stored}))
    got = [held.to_event(workflow.events).value for _ in range(3)]
    assert calls["once"] == 1
    assert [_numbers(one) for one in got] == [[500]] * 3


@pytest.mark.parametrize("kind", ODD)
def test_an_event_is_validated_once_despite_fan_in_snapshots_and_retries(kind: str) -> None:
    annotation, given_as = ODD[kind]
    part: Any = create_model("Part", __base__=Event, value=(annotation, ...))
    got: list[Any] = []

    def begin(event: StartEvent) -> Any: ...
    def join(event: Any, ctx: Context) -> StopEvent | None:
        found = ctx.collect_events(event, [part, part])
        if found and ctx.attempt == 1:
            raise RuntimeError("half-way")
        got.extend(one.value for one in found or [])
        return StopEvent() if found else None

    begin.__annotations__["return"] = list[part]
    join.__annotations__["event"] = part
    bench = Bench(Workflow("odd", [step(begin), step(retries=1)(join)]))
    trial = bench.one()
    calls.clear()
    events = [part.model_validate({"value": given_as(5)}) for _ in range(2)]
    bench.finish(trial, events)
    bench = bench.reload()
    bench.run(bench.take()[0])
    bench = bench.reload()
    bench.run_all()
    assert calls["once"] == 2
    assert [_numbers(one) for one in got] == [[500], [500]]


def test_a_default_at_the_deadline_is_validated_once() -> None:
    class Reply(InputResponseEvent):
        response: FieldModel

    class Ask(InputRequestEvent):
        reply: ClassVar[type[InputResponseEvent]] = Reply

    got: list[int] = []

    @step
    def ask(event: StartEvent) -> Ask:
        return Ask(
            prompt="?", request_id="r", due_in=timedelta(hours=1), on_deadline="default",
            default_response={"n": 5},
        )  # fmt: skip

    @step
    def end(event: Reply) -> StopEvent:
        got.append(event.response.n)
        return StopEvent()

    bench = Bench(Workflow("late", [ask, end]))
    calls.clear()
    bench.run_all()
    assert bench.machine.state.requests["r"].event.data()["default_response"] == {"n": 500}
    bench = bench.reload()
    bench.later(3601)
    bench.machine.expire_overdue()
    bench.run_all()
    assert (got, calls["once"]) == ([500], 1)


async def test_a_handlers_reply_object_is_not_validated_again() -> None:
    class Reply(InputResponseEvent):
        response: FieldModel

    class Ask(InputRequestEvent):
        reply: ClassVar[type[InputResponseEvent]] = Reply

    @step
    async def ask(event: StartEvent) -> Ask:
        return Ask(prompt="?")

    @step
    async def end(event: Reply) -> StopEvent:
        return StopEvent(result=event.response.n)

    async def handle(event: InputRequestEvent) -> Reply:
        return Reply.model_validate({"request_id": event.request_id, "response": {"n": 5}})

    handler = await Workflow("handled", [ask, end], input_handler=handle).run()
    assert await handler.result() == 500
    workflow = Workflow("handled", [ask, end])
    assert workflow.check_reply("Ask", [], FieldModel(n=5)) == {"n": 500}


def test_a_stored_time_that_was_in_the_future_is_read_after_it_has_passed() -> None:
    class Due(Event):
        at: FutureDatetime
        name: Annotated[str, StringConstraints(to_lower=True, max_length=3)] = "LONGER"

    event = Due.model_construct(at=datetime(2020, 1, 1, tzinfo=UTC), name="LONGER")
    data = through_json(StoredEvent.from_event(event).to_json())
    assert StoredEvent.from_json(data).to_event({"Due": Due}) == event
