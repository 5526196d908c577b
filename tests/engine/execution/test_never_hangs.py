"""A run ends, whatever its steps do. A slot that was not released would block the other steps."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.execution.cancellation import HURTS, LEFTOVERS, ODD
from workflows.engine import (
    Context,
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowError,
    step,
)

Act = Callable[[Context], Any]
MOST = 6


class Job(Event):
    n: int


async def nothing(ctx: Context) -> None:
    await asyncio.sleep(0)


async def write(ctx: Context) -> None:
    ctx.update("n", lambda n: (n or 0) + 1)
    ctx.progress(0.5, "half")
    ctx.write_event_to_stream(Job(n=0))


async def outlive_the_timeout(ctx: Context) -> None:
    await asyncio.sleep(3600)


def raising(error: BaseException) -> Act:
    async def act(ctx: Context) -> None:
        raise error

    return act


def hurting(hurt: Callable[[], Any]) -> Act:
    async def act(ctx: Context) -> None:
        await hurt()

    return act


def updating(error: BaseException) -> Act:
    async def act(ctx: Context) -> None:
        calls = itertools.count()

        def hurt(value: Any) -> int:
            if next(calls):
                raise error
            return 1

        ctx.update("n", hurt)

    return act


ACTS: list[Act] = [
    nothing, write, outlive_the_timeout, *map(hurting, [*HURTS, *LEFTOVERS]), *map(raising, ODD),
    *map(updating, ODD),
]  # fmt: skip


def plan(acts: list[list[Act]], limit: int | None, retries: int) -> Workflow:
    """Return a workflow. Its job n runs `acts[n][m]` at attempt m."""

    @step
    async def begin(event: StartEvent) -> list[Job]:
        return [Job(n=n) for n in range(len(acts))]

    async def work(event: Job, ctx: Context) -> StopEvent | None:
        mine = acts[event.n]
        await mine[min(ctx.attempt, len(mine)) - 1](ctx)
        found = ctx.collect_events(event, [Job] * len(acts), key="jobs")
        return None if found is None else StopEvent(result=len(found))

    rules = step(retries=retries, timeout=0.05, max_concurrency=limit)
    return Workflow("plan", [begin, rules(work)])


acts = st.lists(st.lists(st.sampled_from(ACTS), min_size=1, max_size=3), min_size=1, max_size=MOST)


@settings(max_examples=150, deadline=None)
@given(acts, st.sampled_from([None, 1, 2]), st.integers(0, 2))
def test_a_run_ends_whatever_its_steps_do(
    acts: list[list[Act]], limit: int | None, retries: int
) -> None:
    async def scenario() -> None:
        handler = await plan(acts, limit, retries).run()
        async with asyncio.timeout(60):
            try:
                assert await handler.result() == len(acts)
            except WorkflowError:
                assert handler.status == "failed"
            async for _ in handler.stream_events():
                pass
            await handler.cancel()
        assert not handler._tasks

    asyncio.run(scenario())


def test_a_run_whose_def_steps_never_end_fails_and_others_continue() -> None:
    leave = threading.Event()

    @step(timeout=0.01)
    def stay(event: StartEvent) -> StopEvent:
        leave.wait(60)
        return StopEvent()

    @step(timeout=30.0)
    def work(event: StartEvent) -> StopEvent:
        return StopEvent(result="fine")

    async def scenario() -> None:
        stuck, fine = Workflow("stuck", [stay]), Workflow("fine", [work])
        handlers = [await stuck.run() for _ in range(100)]
        async with asyncio.timeout(60):
            results = await asyncio.gather(
                *(one.result() for one in handlers), return_exceptions=True
            )
            assert all(isinstance(one, WorkflowError) for one in results)
            assert await (await fine.run()).result() == "fine"

    asyncio.run(scenario())
    leave.set()
