"""The work on llama-index-workflows, with the stores of its own server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from llama_agents.server import SqliteWorkflowStore, WorkflowServer
from llama_agents.server._store.postgres_workflow_store import PostgresWorkflowStore
from measure import CHAIN, RUNS, STEPS, Bench, Clock, Row, Work
from workflows.events import (
    Event,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
)

from workflows import Workflow, step

UNSTORED = "Its snapshot is a dict of the context, not yet text, in the peer's favour."
NO_PRODUCT = (
    "Called in process, without its HTTP server; the waiting run stays in memory, as it ships for a"
    " minute; no permission check or audit: all in the peer's favour."
)
TICKS = (
    "Each tick of its journal is a commit, as it ships, and on SQLite a connection; another one"
    " is kept open beside it, so that the log stays, in the peer's favour."
)


class Tick(Event):
    n: int


class Loop(Workflow):
    """One step that follows itself."""

    length = STEPS
    clock = Clock()

    @step
    async def one(self, event: StartEvent | Tick) -> Tick | StopEvent:
        n = event.n + 1 if isinstance(event, Tick) else 1
        ends = self.clock.tick() or n >= self.length
        return StopEvent(result=n) if ends else Tick(n=n)


class A(Event):
    n: int


class B(Event):
    n: int


class C(Event):
    n: int


class D(Event):
    n: int


class Chain(Workflow):
    """Five steps, one after the other."""

    @step
    async def first(self, event: StartEvent) -> A:
        return A(n=1)

    @step
    async def second(self, event: A) -> B:
        return B(n=event.n + 1)

    @step
    async def third(self, event: B) -> C:
        return C(n=event.n + 1)

    @step
    async def fourth(self, event: C) -> D:
        return D(n=event.n + 1)

    @step
    async def fifth(self, event: D) -> StopEvent:
        return StopEvent(result=event.n + 1)


class Question(Workflow):
    """Ask, then end with the answer."""

    @step
    async def ask(self, event: StartEvent) -> InputRequiredEvent:
        return InputRequiredEvent(prefix=f"Approve '{event.text}'?")

    @step
    async def finish(self, event: HumanResponseEvent) -> StopEvent:
        return StopEvent(result={"approved": event.response})


async def cycle_in_memory(workflow: Workflow) -> None:
    handler = workflow.run(text="a report")
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            assert handler.ctx.to_dict()
            await handler.send_event(HumanResponseEvent(response=True))
    assert await handler == {"approved": True}


def asking(server: WorkflowServer, workflow: Workflow) -> Work:
    """Return a cycle through the store: request, answer, end."""
    service = server._service

    async def cycle() -> None:
        run = await service.start_workflow(
            workflow, uuid.uuid4().hex, start_event=StartEvent(text="a report")
        )
        assert run.run_id
        # Its server has no reference to a waiting run, so the run may be garbage-collected.
        handler = service._workflow_run_handler(run.workflow_name, run.run_id)
        async for stored in service.store.subscribe_events(run.run_id):
            if stored.event.type == InputRequiredEvent.__name__:
                break
        await service.send_event(run.handler_id, HumanResponseEvent(response=True))
        await handler
        ended = await service.load_handler(run.handler_id)
        assert ended is not None
        assert ended.status == "completed", ended

    return cycle


def stepping(server: WorkflowServer, workflow: Loop, clock: Clock) -> Work:
    """Return a run in which each tick is committed separately."""
    workflow.clock = clock

    async def run() -> None:
        begun = await server._service.start_workflow(workflow, uuid.uuid4().hex)
        ended = await server._service.await_workflow(begun)
        assert ended.status == "completed", ended

    return run


@asynccontextmanager
async def served(store: str, address: str, schema: str) -> AsyncIterator[tuple]:
    """Start the server of the peer without its socket; its runs go through the store."""
    kept = (
        SqliteWorkflowStore(address)
        if store == "sqlite"
        else PostgresWorkflowStore(address, schema=schema, pool_max_size=20)
    )
    question, loop = Question(timeout=None), Loop(timeout=None)
    loop.length = CHAIN
    server = WorkflowServer(workflow_store=kept)
    server.add_workflow("question", question)
    server.add_workflow("loop", loop)
    async with server.contextmanager():
        yield server, question, loop


async def in_memory(bench: Bench) -> None:
    loop, chain, question = Loop(timeout=None), Chain(timeout=None), Question(timeout=None)

    async def steps() -> None:
        assert await loop.run() == STEPS

    async def runs() -> None:
        await asyncio.gather(*(chain.run() for _ in range(RUNS)))

    await bench.batches(Row("engine steps"), steps, STEPS)
    await bench.batches(Row("engine runs", RUNS), runs, RUNS)
    for at_once in (1, 100):
        row = Row("in-memory cycle", at_once, uneven=UNSTORED)
        await bench.cycles(row, lambda: cycle_in_memory(question))


async def durable(bench: Bench) -> None:
    for store, address in bench.durable_stores():
        async with served(store, address, bench.options.schema) as (server, question, loop):
            for at_once in (1, 32):
                row = Row("durable cycle", at_once, store, NO_PRODUCT)
                await bench.cycles(row, asking(server, question))
            for at_once in (1, 32):
                row = Row("durable steps", at_once, store, TICKS)
                await bench.steps(row, lambda clock, to=server, of=loop: stepping(to, of, clock))


async def main() -> None:
    bench = Bench("llama-index-workflows", "llama-index-workflows")
    await in_memory(bench)
    await durable(bench)


asyncio.run(main())
