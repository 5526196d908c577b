"""The workflows that are measured: as little work of their own as a step can have."""

from __future__ import annotations

from workflows.engine import (
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)


class Length(StartEvent):
    """How many steps a chain has."""

    steps: int


class Tick(Event):
    """One step of a chain is done; so many are left."""

    left: int


@step
async def begin(event: Length) -> Tick:
    return Tick(left=event.steps - 1)


@step
async def tick(event: Tick) -> Tick | StopEvent:
    return Tick(left=event.left - 1) if event.left > 1 else StopEvent(result="done")


@step
async def ask(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="Go on?", payload={"score": 0.5})


@step
async def finish(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result={"approved": event.approved})


CHAIN = Workflow("bench-chain", steps=[begin, tick])
CYCLE = Workflow("bench-cycle", steps=[ask, finish])
