"""The rows of this project for one store. Prints a JSON line for each figure, as peers do."""

from __future__ import annotations

import asyncio
import os

from tests.benchmarks import flows
from tests.benchmarks.peers.measure import CHAIN, RUNS, STEPS, Bench, Row
from workflows.engine import InputResponseEvent, WorkflowSnapshot


async def chain(steps: int) -> None:
    """Run a chain with this number of steps in memory."""
    handler = await flows.CHAIN.run(steps=steps)
    await handler.result()


async def cycle() -> None:
    """Do one cycle in memory: start, request, snapshot, answer, completion."""
    handler = await flows.CYCLE.run()
    snapshot = await handler.snapshot()
    WorkflowSnapshot.from_json(snapshot.to_json())
    (request,) = handler.pending_requests
    answer = InputResponseEvent(request_id=request.request_id, response={"approved": True})
    await handler.send_input(answer)
    await handler.result()


async def in_memory(bench: Bench) -> None:
    """Measure the engine alone."""

    async def runs() -> None:
        await asyncio.gather(*(chain(5) for _ in range(RUNS)))

    await bench.batches(Row("engine steps"), lambda: chain(STEPS), STEPS)
    await bench.batches(Row("engine runs", RUNS), runs, RUNS)
    for at_once in (1, 100):
        await bench.cycles(Row("in-memory cycle", at_once), cycle)


async def durable(bench: Bench, store: str) -> None:
    """Measure the worker, the rows and the action together."""
    from tests.benchmarks.site import open_site

    async with open_site() as site:
        for at_once in (1, 32):
            await bench.cycles(Row("durable cycle", at_once, store), site.cycle)
        for at_once in (1, 32):
            await bench.steps(
                Row("durable steps", at_once, store), lambda clock: site.counted(clock, CHAIN)
            )


def main() -> None:
    """Measure the store that BENCH_STORE names: memory, sqlite or postgresql."""
    bench, store = Bench("blazen", "Django"), os.environ["BENCH_STORE"]
    if store == "memory":
        asyncio.run(in_memory(bench))
        return
    from tests.benchmarks.script import prepare

    prepare()
    asyncio.run(durable(bench, store))


if __name__ == "__main__":
    main()
