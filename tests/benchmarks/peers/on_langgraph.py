"""The work on langgraph, with its own savers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from measure import CHAIN, RUNS, STEPS, Bench, Clock, Row, Work
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

NO_SAVER = "No saver, so nothing of the run is kept, in the peer's favour."
NO_PRODUCT = (
    "No inbox row, permission check, audit or worker, in the peer's favour;"
    " the asking node runs again on resume, as its API is."
)
SYNC = 'durability="sync"; the node counts just before its commit, which evens out.'


class Counted(TypedDict):
    n: int


class Asked(TypedDict, total=False):
    text: str
    approved: bool
    result: dict[str, bool]


async def add_one(state: Counted) -> Counted:
    return {"n": state["n"] + 1}


def looped(length: int, clock: Clock, saver: Any = None) -> Any:
    """Compile one node with an edge to itself; `Command` is the fastest way to do this."""

    async def one(state: Counted) -> Command:
        n = state["n"] + 1
        ends = clock.tick() or n >= length
        return Command(update={"n": n}, goto=END if ends else "one")

    graph = StateGraph(Counted)
    graph.add_node("one", one, destinations=("one", END))
    graph.add_edge(START, "one")
    return graph.compile(checkpointer=saver)


def chained(length: int) -> Any:
    """Compile a chain of nodes."""
    names = [f"step{number}" for number in range(length)]
    graph = StateGraph(Counted)
    for name in names:
        graph.add_node(name, add_one)
    for name, following in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(name, following)
    return graph.compile()


def asking(saver: Any) -> Work:
    """Return a cycle: request, checkpoint, answer, end."""

    async def ask(state: Asked) -> Asked:
        answer = interrupt({"prompt": f"Approve '{state['text']}'?"})
        return {"approved": answer["approved"]}

    async def finish(state: Asked) -> Asked:
        return {"result": {"approved": state["approved"]}}

    graph = StateGraph(Asked)
    graph.add_node("ask", ask)
    graph.add_node("finish", finish)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "finish")
    graph.add_edge("finish", END)
    compiled = graph.compile(checkpointer=saver)

    async def cycle() -> None:
        config = {"configurable": {"thread_id": uuid.uuid4().hex}}
        asked = await compiled.ainvoke({"text": "a report"}, config)
        assert asked["__interrupt__"], asked
        ended = await compiled.ainvoke(Command(resume={"approved": True}), config)
        assert ended["result"] == {"approved": True}, ended

    return cycle


def stepping(clock: Clock, saver: Any) -> Work:
    """Return a run in which each step is committed separately."""
    graph = looped(CHAIN, clock, saver)

    async def run() -> None:
        config = {"configurable": {"thread_id": uuid.uuid4().hex}, "recursion_limit": 2 * CHAIN}
        await graph.ainvoke({"n": 0}, config, durability="sync")

    return run


@asynccontextmanager
async def saved(store: str, address: str, schema: str) -> AsyncIterator[Any]:
    """Open the peer's saver as its documentation does; its SQLite saver has one connection."""
    if store == "sqlite":
        async with AsyncSqliteSaver.from_conn_string(address) as saver:
            yield saver
        return
    settings = {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        "options": f"-c search_path={schema}",
    }
    async with AsyncConnectionPool(address, min_size=4, max_size=20, kwargs=settings) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        yield saver


async def in_memory(bench: Bench) -> None:
    loop, chain = looped(STEPS, Clock()), chained(5)

    async def steps() -> None:
        await loop.ainvoke({"n": 0}, {"recursion_limit": 2 * STEPS})

    async def runs() -> None:
        await asyncio.gather(*(chain.ainvoke({"n": 0}) for _ in range(RUNS)))

    await bench.batches(Row("engine steps", uneven=NO_SAVER), steps, STEPS)
    await bench.batches(Row("engine runs", RUNS, uneven=NO_SAVER), runs, RUNS)
    for at_once in (1, 100):
        await bench.cycles(Row("in-memory cycle", at_once), asking(InMemorySaver()))


async def durable(bench: Bench) -> None:
    for store, address in bench.durable_stores():
        async with saved(store, address, bench.options.schema) as saver:
            for at_once in (1, 32):
                row = Row("durable cycle", at_once, store, NO_PRODUCT)
                await bench.cycles(row, asking(saver))
            for at_once in (1, 32):
                row = Row("durable steps", at_once, store, SYNC)
                await bench.steps(row, lambda clock, to=saver: stepping(clock, to))


async def main() -> None:
    bench = Bench("langgraph", "langgraph")
    await in_memory(bench)
    await durable(bench)


asyncio.run(main())
