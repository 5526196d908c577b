"""A run that asks once, and the snapshot of it while it waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowHandler,
    WorkflowSnapshot,
    step,
)

Register = Callable[[Workflow], Workflow]


def through_text(snapshot: WorkflowSnapshot) -> WorkflowSnapshot:
    return WorkflowSnapshot.from_json(snapshot.to_json())


def reply(request_id: str, response: Any = "yes") -> InputResponseEvent:
    return InputResponseEvent(request_id=request_id, response=response)


@step
async def ask(event: StartEvent, ctx: Context) -> InputRequestEvent:
    ctx.update("asked", lambda n: (n or 0) + 1)
    return InputRequestEvent(prompt="?", payload={"a": [1]}, request_id="r")


@step(retries=1)
async def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
    assert ctx.request is not None
    if event.text == "fail":
        raise ValueError("failed as asked")
    return StopEvent(result=[ctx.get("asked"), event.response, ctx.request.payload])


workflow = Workflow("snapshots", [ask, end])


async def waiting(register: Register) -> tuple[WorkflowHandler, WorkflowSnapshot]:
    handler = await register(workflow).run()
    return handler, through_text(await handler.snapshot())
