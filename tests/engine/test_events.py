"""Events are immutable, routed by exact class, read by wire name, and written in a fixed order."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError, computed_field

from tests.engine.machine_harness import Bench
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    UnroutableEvent,
    UnstorableValue,
    Workflow,
    step,
)
from workflows.engine.serialization.codec import event_data
from workflows.engine.serialization.event_json import event_from


class Animal(Event):
    name: str


class Dog(Animal):
    pass


def test_event_is_immutable() -> None:
    with pytest.raises(ValidationError):
        Animal(name="Rex").name = "Max"  # type: ignore[misc]


def test_subclass_is_not_routed_to_a_step_for_its_parent() -> None:
    @step
    def begin(event: StartEvent):  # type: ignore[no-untyped-def]
        return Dog(name="Rex")

    @step
    def pet(event: Animal) -> StopEvent:
        return StopEvent()

    bench = Bench(Workflow("zoo", [begin, pet]))
    bench.run_all()
    assert isinstance(bench.machine.failure, UnroutableEvent)
    assert "'begin' emitted Dog" in str(bench.machine.failure)


def test_event_goes_to_every_step_that_accepts_it() -> None:
    seen: list[str] = []

    @step
    def begin(event: StartEvent) -> Animal:
        return Animal(name="Rex")

    @step
    def feed(event: Animal) -> None:
        seen.append("feed")

    @step
    def pet(event: Animal | StartEvent) -> StopEvent | None:
        seen.append(f"pet {type(event).__name__}")
        return StopEvent() if isinstance(event, Animal) else None

    Bench(Workflow("zoo", [begin, feed, pet])).run_all()
    assert sorted(seen) == ["feed", "pet Animal", "pet StartEvent"]


def test_start_event_takes_any_fields() -> None:
    event = StartEvent.model_validate({"text": "a", "deep": {"b": [1]}})
    assert (event.text, event.deep) == ("a", {"b": [1]})  # type: ignore[attr-defined]


def test_no_attempt_sees_how_another_attempt_changed_the_event() -> None:
    class Batch(Event):
        items: list[int]

    kept = [1, 2]
    left: list[list[int]] = []

    @step
    def begin(event: StartEvent) -> Batch:
        return Batch(items=kept)

    @step(retries=1)
    def drain(event: Batch, ctx: Context) -> StopEvent | None:
        event.items.pop()
        kept.append(3)
        if ctx.attempt == 1:
            raise RuntimeError("half-way")
        return StopEvent(result=event.items)

    @step
    def watch(event: Batch) -> None:
        left.append(event.items)

    bench = Bench(Workflow("drain", [begin, drain, watch]))
    bench.run_all()
    assert bench.machine.state.result == [1]
    assert left == [[1, 2]]


@pytest.mark.parametrize(
    ("response", "approved", "comment", "text"),
    [
        ({"approved": True}, True, None, None),
        ({"approved": False, "comment": "no"}, False, "no", None),
        ("words", None, None, "words"),
        ({"approved": "yes"}, None, None, None),
        (7, None, None, None),
    ],
)
def test_untyped_reply_has_the_answer(
    response: Any, approved: bool | None, comment: str | None, text: str | None
) -> None:
    reply = InputResponseEvent(request_id="r", response=response)
    assert (reply.approved, reply.comment, reply.text) == (approved, comment, text)


def test_typed_reply_has_the_answer_in_its_fields() -> None:
    class Decision(BaseModel):
        approved: bool
        comment: str = "fine"

    class Reply(InputResponseEvent):
        response: Decision

    reply = Reply(request_id="r", response=Decision(approved=False))
    assert (reply.approved, reply.comment, reply.text) == (False, "fine", None)


def test_each_request_has_a_new_id() -> None:
    one, two = InputRequestEvent(prompt="?"), InputRequestEvent(prompt="?")
    assert one.request_id != two.request_id
    assert one.has_generated_id
    assert not InputRequestEvent(prompt="?", request_id="mine").has_generated_id


def test_a_class_may_set_the_id_of_its_requests() -> None:
    class Fixed(InputRequestEvent):
        request_id: str = "always"

    assert not Fixed(prompt="?").has_generated_id


@pytest.mark.parametrize("bad", [{"allow": []}, {"allow": ["maybe"]}, {"request_id": ""}])
def test_request_that_nobody_could_answer_cannot_be_made(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InputRequestEvent.model_validate({"prompt": "?", **bad})


def test_due_in_takes_seconds() -> None:
    request = InputRequestEvent.model_validate({"prompt": "?", "due_in": 90})
    assert request.due_in == timedelta(seconds=90)


def test_allow_is_written_in_one_order_in_every_process() -> None:
    code = (
        "from workflows.engine import InputRequestEvent as R; "
        "from workflows.engine.serialization.codec import event_data; "
        "print(event_data(R(prompt='?', request_id='r')))"
    )
    reported = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(reported) == 1
    assert b"['approve', 'reject', 'reply']" in reported.pop()


def test_fields_are_stored_by_name_whatever_their_aliases() -> None:
    class Aliased(Event):
        count: int = Field(alias="Count")

    data = event_data(Aliased(Count=3))
    assert data == {"count": 3}
    assert event_from(Aliased, data) == event_from(Aliased, {"Count": 3})


def test_computed_fields_are_not_stored() -> None:
    class Sum(StartEvent):
        a: int

        @computed_field  # type: ignore[prop-decorator]
        @property
        def double(self) -> int:
            return self.a * 2

    assert event_data(Sum(a=2)) == {"a": 2}


def test_bytes_are_stored_as_base64() -> None:
    class File(Event):
        body: bytes

    event = File(body=b"\xff\x00")
    assert event_from(File, event_data(event)) == event


class Holder(Event):
    value: Any


@pytest.mark.parametrize(
    "value",
    [float("nan"), "a\x00b", "\ud800", object(), 10**5000],
    ids=["nan", "nul", "surrogate", "object", "huge"],
)
def test_event_that_cannot_be_stored_fails_the_step_that_returned_it(value: Any) -> None:
    @step(retries=0)
    def begin(event: StartEvent) -> Holder:
        return Holder(value=value)

    @step
    def end(event: Holder) -> StopEvent:
        return StopEvent()

    bench = Bench(Workflow("hold", [begin, end]))
    bench.run_all()
    assert isinstance(bench.machine.failure, UnstorableValue)
    for name in ("'hold'", "'begin'", "Holder"):
        assert name in str(bench.machine.failure)
