"""The class of an error: errors of steps and errors of the engine are kept apart."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.test_handler import single
from workflows.engine import (
    Context,
    StartEvent,
    StepFailed,
    StopEvent,
    UnstorableValue,
    Workflow,
    WorkflowError,
    WorkflowSnapshot,
)

# The error's class


def named(name: str, base: type[Exception]) -> type[Exception]:
    return type(name, (base,), {})


@pytest.mark.parametrize("base", [Exception, WorkflowError, UnstorableValue])
@pytest.mark.parametrize(
    "name", ["InvalidInput", "StepTimeout", "WorkflowError", "StepFailed", "WorkflowCancelled"]
)
async def test_a_class_with_the_name_of_an_engine_error_is_not_an_engine_error(
    name: str, base: type[Exception], register: Any
) -> None:
    raised = named(name, base)

    async def begin(event: StartEvent) -> StopEvent:
        raise raised("mine")

    workflow: Workflow = register(single(begin))
    handler = await workflow.run()
    reported = f"step 'begin' failed: {name}: mine"
    with pytest.raises(StepFailed, match=reported) as caught:
        await handler.result()
    assert type(caught.value) is StepFailed
    assert type(caught.value.__cause__) is raised
    snapshot = WorkflowSnapshot.from_json((await handler.snapshot()).to_json())
    again = await Workflow.resume(snapshot)
    with pytest.raises(StepFailed, match=reported) as caught:
        await again.result()
    assert type(caught.value) is StepFailed


async def test_an_engine_error_keeps_its_class_after_a_resume(register: Any) -> None:
    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.set("key", object())
        return StopEvent()

    handler = await register(single(begin)).run()
    with pytest.raises(UnstorableValue, match="'key'"):
        await handler.result()
    text = (await handler.snapshot()).to_json()
    with pytest.raises(UnstorableValue, match="'key'"):
        await (await Workflow.resume(WorkflowSnapshot.from_json(text))).result()
    old = json.loads(text)
    del old["error"]["engine"]  # as older versions stored it
    with pytest.raises(UnstorableValue, match="'key'"):
        await (await Workflow.resume(WorkflowSnapshot(old))).result()


async def test_an_update_that_raises_a_subclass_of_an_engine_error_is_retried() -> None:
    calls: list[int] = []

    def hurt(value: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise named("Mine", WorkflowError)("at the commit")
        return 1

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.update("n", hurt)
        return StopEvent(result=ctx.attempt)

    handler = await single(begin, retries=1).run()
    assert await handler.result() == 2
