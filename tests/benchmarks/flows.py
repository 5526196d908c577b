"""The workflows that are measured. Their steps do as little as possible."""

from __future__ import annotations

from tests.benchmarks.peers.measure import Clock
from workflows.engine import (
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)

PERSON = "bench"
"""The name of the person who starts runs and decides."""


class Length(StartEvent):
    """The number of steps of a chain."""

    steps: int


class Tick(Event):
    """One step of a chain is done; `left` more follow."""

    left: int


@step
async def begin(event: Length) -> Tick:
    return Tick(left=event.steps - 1)


@step
async def tick(event: Tick) -> Tick | StopEvent:
    return Tick(left=event.left - 1) if event.left > 1 else StopEvent(result="done")


clock = Clock()  # counts the steps of COUNTED; replaced for each repeat


@step
async def count(event: Tick) -> Tick | StopEvent:
    over = clock.tick()
    if over or event.left <= 1:
        return StopEvent(result="done")
    return Tick(left=event.left - 1)


@step
async def ask(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="Go on?", payload={"score": 0.5})


@step
async def finish(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result={"approved": event.approved})


CHAIN = Workflow("bench-chain", steps=[begin, tick])
COUNTED = Workflow("bench-counted", steps=[begin, count])
CYCLE = Workflow("bench-cycle", steps=[ask, finish])
LARGE = [
    Workflow(f"bench-{name}", steps=[ask, finish])
    for name in (
        "expenses", "release", "article", "refund", "hire", "access", "contract", "rare",
    )
]  # fmt: skip
"""The workflows of the large tables."""

for workflow in (CHAIN, COUNTED, CYCLE, *LARGE):
    registry.register(workflow)
