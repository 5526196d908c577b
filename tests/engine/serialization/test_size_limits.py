"""A text above the size limit fails its step, also in an event that has only scalars."""

from __future__ import annotations

import pytest

from workflows.engine import Event, StartEvent, StopEvent, Workflow, step
from workflows.engine.errors import InvalidInput, UnstorableValue
from workflows.engine.serialization.size_limits import MAX_BYTES


class Asked(StartEvent):
    size: int
    text: str = ""


class Report(Event):
    text: str


@step
async def write(event: Asked) -> Report:
    return Report(text="x" * event.size)


@step
async def measure(event: Report) -> StopEvent:
    return StopEvent(result=len(event.text))


WORKFLOW = Workflow("report", steps=[write, measure])


async def test_an_event_with_a_text_above_the_limit_fails_the_step_that_emits_it() -> None:
    handler = await WORKFLOW.run(size=MAX_BYTES + 1)
    with pytest.raises(UnstorableValue, match=r"step 'write': Report: .* bytes of JSON"):
        await handler.result()


async def test_an_event_with_a_long_text_below_the_limit_arrives_whole() -> None:
    handler = await WORKFLOW.run(size=1_000_000)
    assert await handler.result() == 1_000_000


async def test_an_input_with_a_text_above_the_limit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="bytes of JSON"):
        await WORKFLOW.run(size=1, text="x" * (MAX_BYTES + 1))
