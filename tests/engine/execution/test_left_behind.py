"""Tasks, timers and cancellations that a step leaves behind do not affect the next step."""

from __future__ import annotations

import asyncio

import pytest

from tests.engine.execution.cancellation import (
    LEFTOVERS,
    Hurt,
    me,
    with_time_limit,
)
from tests.engine.test_handler import Tick
from workflows.engine import (
    StartEvent,
    StopEvent,
    Workflow,
    step,
)


@pytest.mark.parametrize("leave", LEFTOVERS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("limit", [None, 60.0], ids=["no timeout", "timeout"])
async def test_tasks_and_timers_of_a_step_do_not_affect_the_next_step(
    leave: Hurt, limit: float | None
) -> None:
    @step(timeout=limit)
    async def begin(event: StartEvent) -> Tick:
        await leave()
        return Tick(n=1)

    @step
    async def go_on(event: Tick) -> StopEvent:
        for _ in range(5):
            await asyncio.sleep(0)
        return StopEvent(result="fine")

    handler = await Workflow("leftovers", [begin, go_on]).run()
    assert await with_time_limit(handler.result()) == "fine"


async def test_a_chain_of_steps_that_leave_nothing_stays_in_one_task() -> None:
    tasks: set[int] = set()

    @step
    async def count(event: StartEvent | Tick) -> Tick | StopEvent:
        tasks.add(id(me()))
        n = event.n if isinstance(event, Tick) else 0
        return StopEvent(result=len(tasks)) if n == 10 else Tick(n=n + 1)

    handler = await Workflow("chain", [count]).run()
    assert await handler.result() == 1
