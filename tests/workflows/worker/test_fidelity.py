"""No value of a step blocks its run: it is stored unchanged, or the step fails with an error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from pydantic import AfterValidator, BaseModel, FutureDatetime

from approvals.actions import decide
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
from workflows.engine.serialization.run_result import decode_result
from workflows.models import JournalEntry, WorkflowRun

Drive = Callable[[], None]
Register = Callable[[Workflow], Workflow]
pytestmark = pytest.mark.django_db(transaction=True)

BERLIN = ZoneInfo("Europe/Berlin")


def hundredfold(value: int) -> int:
    return value * 100


class Cents(BaseModel):
    approved: bool
    amount: Annotated[int, AfterValidator(hundredfold)]


class Priced(InputResponseEvent):
    response: Cents


class AskPrice(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = Priced


class Order(StartEvent):
    amount: Annotated[int, AfterValidator(hundredfold)]
    due: FutureDatetime


class Later(Event):
    at: datetime
    amount: int


def fresh(run: WorkflowRun) -> WorkflowRun:
    return WorkflowRun.objects.get(pk=run.pk)


def test_the_step_gets_what_the_reviewer_saw_a_day_later(
    register: Register, drive: Drive, alice: User
) -> None:
    at = datetime(2026, 3, 28, 9, tzinfo=BERLIN)
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    got: list[Any] = []

    @step
    async def ask(event: Order, ctx: Context) -> AskPrice:
        ctx.set("at", at)
        return AskPrice(prompt="?", payload={"amount": event.amount})

    @step
    async def hold(event: Priced) -> Later:
        return Later(at=at, amount=event.response.amount)

    @step
    async def end(event: Later, ctx: Context) -> StopEvent:
        got.extend([event.at, ctx.get("at"), event.amount])
        return StopEvent()

    register(Workflow("priced", [ask, hold, end]))
    run = WorkflowRun.objects.start("priced", {"amount": 5, "due": soon.isoformat()})
    assert fresh(run).input["amount"] == 500
    while datetime.now(UTC) < soon:
        pass
    drive()
    request = run.requests.get()
    assert request.payload == {"amount": 500}
    decide(alice, request.pk, {"approved": True, "amount": 7}, source="inbox")
    request.refresh_from_db()
    assert request.response == {"approved": True, "amount": 700}
    drive()
    assert fresh(run).status == "completed"
    assert got == [at, at, 700]
    assert [one.tzinfo for one in got[:2]] == [BERLIN, BERLIN]


def test_a_binary_result_is_shown_as_base64_and_stored_as_bytes(
    register: Register, drive: Drive
) -> None:
    @step
    async def end(event: StartEvent) -> StopEvent:
        return StopEvent(result={"pdf": b"\xff\x00", "at": datetime(2026, 1, 1, tzinfo=BERLIN)})

    workflow = register(Workflow("binary", [end]))
    run = WorkflowRun.objects.start("binary", {})
    drive()
    done = fresh(run)
    assert done.status == "completed"
    assert done.result == {"pdf": "/wA=", "at": "2026-01-01T00:00:00+01:00[Europe/Berlin]"}
    [entry] = JournalEntry.objects.filter(run=run, kind="completed")
    kept = decode_result(entry.data["result"], workflow.events)
    assert kept == {"pdf": b"\xff\x00", "at": datetime(2026, 1, 1, tzinfo=BERLIN)}


class Own(StopEvent):
    amount: int
    pdf: bytes = b"\xff"


class Odd(InputRequestEvent):
    request_id: str = "x"


def unchecked(cls: Any, **fields: Any) -> Any:
    """Return an event without validation."""
    return cls.model_construct(**fields)


ODD: dict[str, Callable[[Context], Any]] = {
    "bytes": lambda ctx: StopEvent(result=b"\xff\x00"),
    "own fields": lambda ctx: Own(amount=1),
    "nul in a key": lambda ctx: ctx.set("a\x00", 1),
    "surrogate in a key": lambda ctx: ctx.set("\ud800", 1),
    "nul in a result": lambda ctx: StopEvent(result={"a": "\x00"}),
    "deep result": lambda ctx: StopEvent(result=deep(2000)),
    "circle": lambda ctx: StopEvent(result=circle()),
    "large result": lambda ctx: StopEvent(result="x" * (17 * 1024 * 1024)),
    "nul in a prompt": lambda ctx: InputRequestEvent(prompt="\x00"),
    "surrogate in a payload": lambda ctx: InputRequestEvent(prompt="?", payload=["\ud800"]),
    "long id": lambda ctx: Odd(prompt="?", request_id="x" * 300),
    "empty id": lambda ctx: Odd(prompt="?", request_id=""),
    "id of another type": lambda ctx: unchecked(Odd, prompt="?", request_id=7),
    "never": lambda ctx: InputRequestEvent(prompt="?", due_in=timedelta.max),
    "reminded never": lambda ctx: InputRequestEvent(prompt="?", remind_in=timedelta.max),
    "nul in a tag": lambda ctx: InputRequestEvent(prompt="?", tags=("a\x00",)),
    "unchecked request": lambda ctx: unchecked(InputRequestEvent, prompt=7, allow=9),
    "unchecked priority": lambda ctx: unchecked(InputRequestEvent, prompt="", priority="odd"),
    "progress": lambda ctx: ctx.progress(float("nan"), "\x00\ud800" * 1000),
    "stream": lambda ctx: ctx.write_event_to_stream(unchecked(Later, at="\x00", amount=1)),
    "error": lambda ctx: fail("\x00\ud800"),
}


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def circle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def fail(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize("odd", ODD)
def test_no_value_of_a_step_blocks_its_run(register: Register, drive: Drive, odd: str) -> None:
    @step
    async def begin(event: StartEvent, ctx: Context) -> Own | Odd | InputRequestEvent | StopEvent:
        return ODD[odd](ctx) or StopEvent()

    @step
    async def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent()

    register(Workflow("odd", [begin, end]))
    run = WorkflowRun.objects.start("odd", {})
    drive()
    now = fresh(run)
    expected = {"bytes", "own fields", "progress"}
    assert now.status == ("completed" if odd in expected else "failed"), now.error
    if now.status == "failed":
        assert now.error is not None
        assert now.error["step"] == "begin"
    if odd == "own fields":
        assert now.result == {"amount": 1, "pdf": "_w=="}


@pytest.mark.parametrize("response", [7, [1, {"a": 2}], {"amount": 3}, 0, False])
def test_a_reply_of_any_json_reaches_the_step_unchanged(
    register: Register, drive: Drive, alice: User, response: Any
) -> None:
    @step
    async def ask(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="?", allow=frozenset({"reply"}))

    @step
    async def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent(result=event.response)

    register(Workflow("any", [ask, end]))
    run = WorkflowRun.objects.start("any", {})
    drive()
    decide(alice, run.requests.get().pk, response, source="inbox")
    drive()
    assert (fresh(run).status, fresh(run).result) == ("completed", response)
