"""Results of all types, generic events, and values that no database can store."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from tests.engine.machine_harness import Bench
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    InvalidStep,
    StartEvent,
    StopEvent,
    UnstorableValue,
    Workflow,
    step,
)

BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)
T = TypeVar("T")


class Dog(BaseModel):
    name: str


async def test_results_keep_bytes_tuples_and_times() -> None:
    @step
    async def end(event: StartEvent) -> StopEvent:
        return StopEvent(result={"pdf": b"\xff\x00", "at": AUTUMN, "pair": (1, b"")})

    handler = await Workflow("pdf", [end]).run()
    result = await handler.result()
    assert result == {"pdf": b"\xff\x00", "at": AUTUMN, "pair": (1, b"")}
    assert result["at"].tzinfo is BERLIN


async def test_the_fields_of_a_stop_event_subclass_are_the_result() -> None:
    class Paid(StopEvent):
        amount: Decimal
        receipt: bytes = b""

    @step
    async def pay(event: StartEvent) -> Paid:
        return Paid(amount=Decimal("1.50"), receipt=b"\xff")

    handler = await Workflow("pay", [pay]).run()
    assert await handler.result() == {"amount": Decimal("1.50"), "receipt": b"\xff"}


async def test_a_typed_result_of_a_stop_event_has_that_type() -> None:
    class Adopted(StopEvent):
        result: Dog

    @step
    async def adopt(event: StartEvent) -> Adopted:
        return Adopted(result=Dog(name="Rex"))

    handler = await Workflow("adopt", [adopt]).run()
    assert await handler.result() == Dog(name="Rex")


class Two(Event, Generic[T]):
    value: T


async def test_generic_events_are_collected_by_their_names() -> None:
    @step
    async def begin(event: StartEvent) -> list[Two[int] | Two[dict[str, int]]]:
        return [Two[int](value=1), Two[dict[str, int]](value={"a": 2})]

    @step
    async def join(event: Two[int] | Two[dict[str, int]], ctx: Context) -> StopEvent | None:
        found = ctx.collect_events(event, [Two[int], Two[dict[str, int]]])
        return StopEvent(result=[one.value for one in found]) if found else None

    handler = await Workflow("generic", [begin, join]).run()
    assert await handler.result() == [1, {"a": 2}]


@pytest.mark.parametrize("rule", ["retry_delay", "timeout", "backoff"])
@pytest.mark.parametrize("value", [10**400, 1e300, 10**10], ids=["int", "float", "centuries"])
def test_durations_beyond_the_calendar_are_refused_by_name(rule: str, value: Any) -> None:
    with pytest.raises(InvalidStep, match=rule):

        @step(**{rule: value})
        def begin(event: StartEvent) -> StopEvent:
            return StopEvent()


@pytest.mark.parametrize("key", ["a\x00b", "\ud800"])
def test_a_state_key_that_cannot_be_stored_is_refused_in_the_step(key: str) -> None:
    @step
    def begin(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.set(key, 1)
        return StopEvent()

    bench = Bench(Workflow("key", [begin]))
    bench.run_all()
    assert isinstance(bench.machine.failure, UnstorableValue)


@pytest.mark.parametrize("where", ["state", "event", "result"])
def test_a_value_above_the_size_limit_fails_the_step(where: str) -> None:
    class Blob(Event):
        text: Any

    @step
    def begin(event: StartEvent, ctx: Context) -> Blob | StopEvent:
        huge = ["x" * 1024] * 17_000
        if where == "state":
            ctx.set("huge", huge)
        return Blob(text=huge) if where == "event" else StopEvent(result=huge)

    @step
    def end(event: Blob) -> StopEvent:
        return StopEvent()

    bench = Bench(Workflow("huge", [begin, end]))
    bench.run_all()
    assert isinstance(bench.machine.failure, UnstorableValue)
    assert "bytes" in str(bench.machine.failure)


@pytest.mark.parametrize("length", [0, 201])
def test_a_request_id_that_is_too_long_for_its_column_fails_the_step(length: int) -> None:
    class Loose(InputRequestEvent):
        request_id: str

    @step
    def ask(event: StartEvent) -> Loose:
        return Loose(prompt="?", request_id="x" * length)

    @step
    def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent()

    bench = Bench(Workflow("loose", [ask, end]))
    bench.run_all()
    assert "'request_id'" in str(bench.machine.failure)
