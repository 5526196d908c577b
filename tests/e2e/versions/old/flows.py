"""Before the upgrade: a letter is signed with an untyped answer."""

from __future__ import annotations

from workflows.engine import (
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)


@step
async def draft(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="Sign it?")


@step
async def send(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result="sent by the old code")


@step
async def close(event: StartEvent) -> StopEvent:
    return StopEvent(result="closed")


registry.register(Workflow("letter", steps=[draft, send]))
registry.register(Workflow("only-old", steps=[close]))
