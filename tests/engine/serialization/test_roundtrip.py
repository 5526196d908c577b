"""Random events, answers and requests are read back unchanged, or refused by name.

In the test suite this is short. `make fuzz SECONDS=3600` runs it for that time.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import PydanticUserError, ValidationError, create_model

from tests.engine.machine_harness import Bench, through_json
from tests.engine.strategies import Typed, anything, types
from workflows.engine import (
    BuildError,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    InvalidReply,
    InvalidRequestOptions,
    StartEvent,
    StopEvent,
    UnstorableValue,
    Workflow,
    step,
)
from workflows.engine.serialization.codec import decode, encode
from workflows.engine.serialization.equality import difference
from workflows.engine.serialization.stored_event import StoredEvent

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
seen: Counter[str] = Counter()
some = settings(
    max_examples=500 if SECONDS else 100,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def refused(what: str, *, named: bool) -> None:
    assert named
    seen[f"{what} refused"] += 1


def read_back(stored: StoredEvent, cls: type[Event]) -> Any:
    """Return the event as another process reads it from the JSON text."""
    return StoredEvent.from_json(through_json(stored.to_json())).to_event({cls.__name__: cls})


@some
@given(st.data(), types)
def check_event(data: st.DataObject, typed: Typed) -> None:
    try:
        cls: Any = create_model("Emitted", __base__=Event, value=(typed.annotation, ...))
    except (PydanticUserError, TypeError):  # a union that pydantic does not support
        return
    given = {"value": data.draw(typed.values)}
    try:
        event = cls(**given) if data.draw(st.booleans()) else cls.model_construct(**given)
    except (ValidationError, TypeError, ArithmeticError):  # raised by a validator
        event = cls.model_construct(**given)
    seen["events"] += 1
    try:
        stored = StoredEvent.from_event(event)
    except UnstorableValue as error:
        refused("events", named="Emitted" in str(error))
        return
    assert difference(event, read_back(stored, cls)) == ""
    assert difference(event, stored.to_event({"Emitted": cls})) == ""
    assert difference(event, stored.to_event({"Emitted": cls})) == ""


@some
@given(st.data(), types)
def check_reply(data: st.DataObject, typed: Typed) -> None:
    try:
        reply: Any = create_model(
            "Reply", __base__=InputResponseEvent, response=(typed.annotation, ...)
        )
        ask: Any = type("Ask", (InputRequestEvent,), {"reply": reply, "__module__": __name__})
        workflow = asking(ask)
    except (PydanticUserError, BuildError, TypeError):
        return
    value = data.draw(typed.values | anything)
    seen["replies"] += 1
    try:
        plain = workflow.check_reply("Ask", ["approve"], value)
    except InvalidReply as error:
        refused("replies", named=bool(error.errors))
        return
    first = StoredEvent("Reply", {"request_id": "r", "response": plain}).to_event(workflow.events)
    wire = through_json({"type": "Reply", "data": {"request_id": "r", "response": plain}})
    assert difference(first, StoredEvent.from_json(wire).to_event(workflow.events)) == ""
    assert StoredEvent.from_event(first).data()["response"] == plain
    assert workflow.check_reply("Ask", ["approve"], first) == plain


spans = st.timedeltas() | st.none()
terms = st.fixed_dictionaries(
    {"prompt": st.text(max_size=5)},
    optional={
        "payload": anything, "request_id": st.text(max_size=3), "due_in": spans,
        "remind_in": spans, "escalate_in": spans, "if_approved": st.text(max_size=3),
        "assign_to": st.lists(st.text(max_size=3), max_size=2), "default_response": anything,
        "escalate_to": st.lists(st.text(max_size=3), max_size=2),
        "on_deadline": st.sampled_from(["fail", "default", "stay_open"]),
        "editable": st.lists(st.text(max_size=2), max_size=2),
        "tags": st.lists(st.text(max_size=3), max_size=2),
        "priority": st.sampled_from(["low", "urgent"]),
        "allow": st.sets(st.sampled_from(["approve", "reject", "reply"])),
    },
)  # fmt: skip


@some
@given(terms, st.booleans())
def validate_options(given_terms: dict[str, Any], validated: bool) -> None:
    try:
        made = InputRequestEvent(**given_terms)
        event = made if validated else InputRequestEvent.model_construct(**given_terms)
    except ValidationError:
        return
    bench = Bench(asking(InputRequestEvent))
    bench.finish(bench.one(), event)
    seen["terms"] += 1
    if bench.machine.failure is not None:
        assert isinstance(bench.machine.failure, InvalidRequestOptions | UnstorableValue)
        refused("terms", named="InputRequestEvent" in str(bench.machine.failure))
        return
    [open_one] = bench.machine.state.requests.values()
    asked: Any = open_one.event.to_event(bench.machine.workflow.events)
    assert difference(asked, read_back(open_one.event, InputRequestEvent)) == ""
    changed = {"payload", "default_response"}
    for name in InputRequestEvent.model_fields.keys() - changed:
        assert difference(getattr(event, name), getattr(asked, name)) == ""


@some
@given(anything)
def check_state(value: Any) -> None:
    seen["values"] += 1
    try:
        tree = encode(value, {"Inner": object})  # type: ignore[dict-item]
    except UnstorableValue:
        seen["values refused"] += 1
        return
    assert difference(value, decode(json.loads(json.dumps(tree, allow_nan=False)), {})) == ""


def asking(request: type[InputRequestEvent]) -> Workflow:
    def begin(event: StartEvent) -> Any: ...
    def end(event: Any) -> StopEvent: ...  # type: ignore[empty-body]

    begin.__annotations__["return"] = request
    end.__annotations__["event"] = request.reply
    return Workflow("asks", [step(begin), step(end)])


CHECKS: list[Callable[[], None]] = [check_event, check_reply, validate_options, check_state]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_value_is_read_back_unchanged_or_refused_by_name(check: Callable[[], None]) -> None:
    check()


@pytest.mark.soak
def test_no_difference_is_found_in_the_given_time() -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for check in CHECKS:
            check()
    print(", ".join(f"{count:,} {what}" for what, count in sorted(seen.items())))  # noqa: T201
