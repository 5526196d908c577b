"""State: a step gets back a copy of what it set; what cannot be stored is refused at once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from tests.engine.test_context import Item, started, values
from workflows.engine import (
    Event,
    StopEvent,
    UnstorableValue,
)


class Reading(BaseModel):
    value: Any


def test_get_returns_a_copy() -> None:
    bench = started()
    one, two = bench.take()
    kept = {"deep": [1]}
    one.context.set("a", kept)
    kept["deep"].append(2)
    one.context.get("a")["deep"].append(3)
    assert one.context.get("a") == {"deep": [1]}
    bench.finish(one)
    two.context.get("a")["deep"].append(4)
    assert two.context.get("a") == {"deep": [1]}


def test_a_default_is_used_only_for_missing_values() -> None:
    bench = started()
    one, _ = bench.take()
    one.context.set("none", None)
    assert one.context.get("none", 5) is None
    assert one.context.get("gone", 5) == 5


def test_state_keeps_tagged_types_and_events() -> None:
    bench = started()
    one, two = bench.take()
    kept = {"at": datetime(2026, 1, 1, tzinfo=UTC), "sum": Decimal("1.10"), "item": Item(n=4)}
    one.context.set("kept", kept)
    bench.finish(one)
    assert two.context.get("kept") == kept
    assert bench.reload().take()[0].context.get("kept") == kept


@pytest.mark.parametrize(
    "value",
    [
        float("inf"), "\x00", "\ud800", object(), {1: 2}, {"a": {3}}, Reading(value=float("nan")),
    ],
    ids=["inf", "nul", "surrogate", "object", "keys", "set", "nan in a model"],
)  # fmt: skip
def test_what_cannot_be_stored_raises_in_the_step_and_names_the_key(value: Any) -> None:
    bench = started()
    one, _ = bench.take()
    with pytest.raises(UnstorableValue, match="'total'"):
        one.context.set("total", value)
    with pytest.raises(UnstorableValue, match="'total'"):
        one.context.update("total", lambda _: [value])
    bench.finish(one)
    assert values(bench) == {}


def test_event_that_no_step_declares_cannot_be_stored() -> None:
    class Foreign(Event):
        pass

    bench = started()
    one, _ = bench.take()
    with pytest.raises(UnstorableValue, match="'key'.*'Foreign'"):
        one.context.set("key", Foreign())
    with pytest.raises(UnstorableValue, match="not a string"):
        one.context.set(1, 2)  # type: ignore[arg-type]


def test_result_may_contain_only_events_that_can_be_read_again() -> None:
    class Foreign(Event):
        pass

    bench = started()
    one, _ = bench.take()
    bench.finish(one, StopEvent(result=[Foreign()]))
    assert isinstance(bench.machine.failure, UnstorableValue)
    for name in ("'work'", "result", "'Foreign'"):
        assert name in str(bench.machine.failure)
