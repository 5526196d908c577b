"""The next step gets exactly what a step returned, or the error names the field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AnyUrl,
    BaseModel,
    Field,
    Json,
    PrivateAttr,
    SecretStr,
    create_model,
    field_serializer,
)

from tests.engine.machine_harness import Bench, through_json
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    InvalidInput,
    StartEvent,
    StopEvent,
    UnstorableValue,
    Workflow,
    step,
)
from workflows.engine.serialization.codec import store_event
from workflows.engine.serialization.equality import difference
from workflows.engine.serialization.event_json import event_from
from workflows.engine.serialization.stored_event import StoredEvent

BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)
T = TypeVar("T")


class Pet(BaseModel):
    name: str


class Dog(Pet):
    paws: int = 4


class Approve(BaseModel):
    why: str


class Reject(BaseModel):
    why: str


class Yes(BaseModel):
    kind: Literal["yes"] = "yes"


class No(BaseModel):
    kind: Literal["no"] = "no"


class Box(BaseModel, Generic[T]):
    inside: T


class Child(Event):
    n: int


class Parent(Event):
    inner: Event


class Level(IntEnum):
    HIGH = 1


class Colour(Enum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: datetime


@dataclass
class Point:
    x: int
    at: datetime


class Masked(BaseModel):
    number: str

    @field_serializer("number")
    def hide(self, number: str) -> str:
        return "***"


class Shy(BaseModel):
    n: int = Field(default=0, exclude=True)


class Counted(BaseModel):
    name: str
    _count: int = PrivateAttr(0)


def counted() -> Counted:
    model = Counted(name="a")
    model._count = 3
    return model


def holding(annotation: Any, value: Any) -> Event:
    """Return an event that has this value in a field of this type, without validation."""
    cls: type[Event] = create_model("Holding", __base__=Event, value=(annotation, ...))
    return cls.model_construct(**{"value": value})


KEPT: list[tuple[Any, Any]] = [
    (datetime, AUTUMN),
    (datetime | None, AUTUMN),
    (list[datetime], [AUTUMN]),
    (dict[datetime, int], {AUTUMN: 1}),
    (datetime, datetime(2026, 10, 25, 2, 30, fold=1)),
    (datetime, datetime(2026, 1, 1, tzinfo=UTC)),
    (time, time(9, tzinfo=BERLIN)),
    (timedelta, timedelta.max),
    (Decimal, Decimal("-0.00")),
    (float, -0.0),
    (float | int, 1e300),
    (int, 10**30),
    (bool | int, True),
    (int | bool, 1),
    (bytes, b"\xff"),
    (Pet | Dog, Dog(name="Rex")),
    (Yes | No, No()),
    (Box[datetime], Box[datetime](inside=AUTUMN)),
    (Pair, Pair(1, AUTUMN)),
    (Point, Point(1, AUTUMN)),
    (Colour, Colour.RED),
    (set[tuple[int, str]], {(1, "a")}),
    (Json[list[int]], [1]),
    (AnyUrl, AnyUrl("http://a.b")),
    (Path, Path("/a")),
    (dict[int, str], {1: "a"}),
]


@pytest.mark.parametrize(("annotation", "value"), KEPT)
def test_a_value_of_a_declared_type_is_read_back_unchanged(annotation: Any, value: Any) -> None:
    event = holding(annotation, value)
    data = through_json(StoredEvent.from_event(event).to_json())
    back = StoredEvent.from_json(data).to_event({"Holding": type(event)})
    assert difference(event, back) == ""
    assert back.value == value


LOST: list[tuple[Any, Any, str]] = [
    (Pet, Dog(name="Rex"), "Dog.*Pet"),
    (Approve | Reject, Reject(why="fraud"), "Reject.*Approve"),
    (SecretStr, SecretStr("hunter2"), "SecretStr"),
    (dict[Any, Any], {1: "pay 100", "1": "pay 9"}, "keys"),
    (dict[int | str, int], {1: 1, "1": 2}, "keys"),
    (dict[float, int], {0: 1}, "key 0"),
    (bytes | str, "YWJj", "str.*bytes"),
    (Annotated[int, Field(exclude=True)], 5, "value.*required"),
    (Shy, Shy(n=5), "value.n.*another value"),
    (Any, (1, 2), "tuple.*list"),
    (Any, {1: 2}, "key 1"),
    (Any, AUTUMN, "datetime.*str"),
    (Any, Decimal(1), "Decimal.*str"),
    (Any, Pet(name="Rex"), "Pet.*dict"),
    (int, Level.HIGH, "Level.*int"),
    (bool, 1, "int.*bool"),
    (Masked, Masked(number="4111"), "value.number"),
    (Counted, counted(), "value._count"),
    (Box, Box(inside=(1,)), "value.inside"),
]


@pytest.mark.parametrize(("annotation", "value", "reported"), LOST)
def test_the_error_of_a_value_that_json_would_change_names_field_and_type(
    annotation: Any, value: Any, reported: str
) -> None:
    event = holding(annotation, value)
    with pytest.raises(UnstorableValue, match=f"Holding.*{reported}") as caught:
        store_event(event)
    assert "hunter2" not in str(caught.value)
    assert "pay 9" not in str(caught.value)


def test_a_nested_event_of_a_subclass_is_refused() -> None:
    with pytest.raises(UnstorableValue, match=r"Parent: its field 'inner' is a Child"):
        store_event(Parent(inner=Child(n=1)))


def test_a_step_whose_event_json_would_change_fails_and_the_next_step_does_not_run() -> None:
    class Verdict(Event):
        said: Approve | Reject

    ran: list[Any] = []

    @step
    def judge(event: StartEvent) -> Verdict:
        return Verdict(said=Reject(why="fraud"))

    @step
    def pay(event: Verdict) -> StopEvent:
        ran.append(event.said)
        return StopEvent()

    bench = Bench(Workflow("judge", [judge, pay]))
    bench.run_all()
    assert ran == []
    assert isinstance(bench.machine.failure, UnstorableValue)
    for name in ("'judge'", "Verdict", "'said'", "Reject", "Approve"):
        assert name in str(bench.machine.failure)


def test_an_input_that_would_be_stored_as_asterisks_is_refused() -> None:
    class Login(StartEvent):
        token: SecretStr

    @step
    def begin(event: Login) -> StopEvent:
        return StopEvent()

    with pytest.raises(InvalidInput, match="'token'") as caught:
        Workflow("login", [begin]).check_input({"token": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_an_input_with_two_keys_that_are_equal_in_json_is_refused() -> None:
    @step
    def begin(event: StartEvent) -> StopEvent:
        return StopEvent()

    with pytest.raises(InvalidInput, match="twice"):
        Workflow("twins", [begin]).check_input({"pay": {1: "pay 100", "1": "pay 9"}})


def test_fields_that_are_each_others_aliases_are_not_swapped() -> None:
    class Transfer(Event):
        payer: int = Field(alias="payee")
        payee: int = Field(alias="payer")

    event = Transfer(payer=1, payee=2)
    assert event_from(Transfer, store_event(event)[0]) == event


def test_a_default_that_is_an_int_in_a_field_of_floats_passes() -> None:
    class Rated(Event):
        rate: float = 0
        total: Decimal = 1  # type: ignore[assignment]

    assert store_event(Rated())[1] == Rated()


def test_stored_data_may_have_a_field_that_the_class_no_longer_has() -> None:
    class Strict(Event, extra="forbid"):
        a: int

    assert event_from(Strict, {"a": 1, "b": 2}) == Strict(a=1)


def test_a_payload_is_plain_json_as_soon_as_the_request_is_made() -> None:
    seen: list[Any] = []

    @step
    def ask(event: StartEvent) -> InputRequestEvent:
        payload = {"rows": (1, 2), "total": Decimal("1.50"), "pet": Dog(name="Rex"), 7: AUTUMN}
        return InputRequestEvent(prompt="?", payload=payload, request_id="r")

    @step
    def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
        seen.append(ctx.request.payload if ctx.request else None)
        return StopEvent()

    bench = Bench(Workflow("pets", [ask, end]))
    bench.run_all()
    shown = bench.machine.state.requests["r"].event.data()["payload"]
    bench.machine.answer("r", {"approved": True})
    bench.run_all()
    plain = {
        "rows": [1, 2],
        "total": "1.50",
        "pet": {"name": "Rex", "paws": 4},
        "7": "2026-10-25T02:30:00+01:00[Europe/Berlin][_fold=1]",
    }
    assert seen == [shown] == [plain]


@pytest.mark.parametrize(
    "payload", [{1: "pay 100", "1": "pay 9"}, {"a": SecretStr("x")}, object(), [b"\xff"]]
)
def test_the_error_of_a_payload_that_is_not_json_names_the_place(payload: Any) -> None:
    @step
    def ask(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="?", payload=payload)

    @step
    def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent()

    bench = Bench(Workflow("odd", [ask, end]))
    bench.run_all()
    assert isinstance(bench.machine.failure, UnstorableValue)
    assert "InputRequestEvent: 'payload" in str(bench.machine.failure)


def test_each_step_gets_its_own_copy_of_an_event() -> None:
    class Lot(Event):
        items: list[int]

    stored = StoredEvent.from_event(Lot(items=[1]))
    one, two = stored.to_event({"Lot": Lot}), stored.to_event({"Lot": Lot})
    one.items.append(2)
    assert two.items == [1]
    assert stored.to_event({"Lot": Lot}).items == [1]
