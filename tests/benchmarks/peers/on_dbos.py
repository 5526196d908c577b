"""The work on dbos, with its own system database; it has no way to run in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from dbos import DBOS, DBOSConfig
from measure import CHAIN, Bench, Clock, Row, Work

NO_PRODUCT = (
    "The waiting run stays in memory as a coroutine, and there is no inbox row, permission check or"
    " audit, in the peer's favour."
)
POLLED = " On SQLite it polls: every 10 ms here, instead of every second as it ships."
STEPS = (
    "The body of its workflow stays in memory and only results are committed, in the peer's favour."
)

clock = Clock()


@DBOS.step()
async def add_one(n: int) -> int:
    return n + 1


@DBOS.workflow()
async def chain(length: int) -> int:
    n = 0
    while n < length and not clock.over:
        n = await add_one(n)
        clock.tick()
    return n


@DBOS.step()
async def ask(text: str) -> dict[str, str]:
    return {"prompt": f"Approve '{text}'?"}


@DBOS.step()
async def finish(answer: dict[str, bool]) -> dict[str, bool]:
    return {"approved": answer["approved"]}


@DBOS.workflow()
async def question(text: str) -> dict[str, bool]:
    await DBOS.set_event_async("request", await ask(text))
    return await finish(await DBOS.recv_async("answer", timeout_seconds=600))


async def cycle() -> None:
    handle = await DBOS.start_workflow_async(question, "a report")
    assert await DBOS.get_event_async(handle.workflow_id, "request", timeout_seconds=600)
    await DBOS.send_async(handle.workflow_id, {"approved": True}, "answer")
    assert await handle.get_result() == {"approved": True}


def stepping(of: Clock) -> Work:
    """Return a run in which each step is committed separately."""
    global clock
    clock = of

    async def run() -> None:
        handle = await DBOS.start_workflow_async(chain, CHAIN)
        await handle.get_result()

    return run


@contextmanager
def launched(store: str, address: str, schema: str) -> Iterator[None]:
    """Launch the peer on one database; decorated functions stay registered for the next one."""
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{address}" if store == "sqlite" else address,
        "dbos_system_schema": schema,
        "notification_listener_polling_interval_sec": 0.01,
        "run_admin_server": False,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


async def durable(bench: Bench, store: str) -> None:
    uneven = NO_PRODUCT + (POLLED if store == "sqlite" else "")
    for at_once in (1, 32):
        await bench.cycles(Row("durable cycle", at_once, store, uneven), cycle)
    for at_once in (1, 32):
        await bench.steps(Row("durable steps", at_once, store, STEPS), stepping)


def main() -> None:
    bench = Bench("dbos", "dbos")
    for store, address in bench.durable_stores():
        with launched(store, address, bench.options.schema):
            asyncio.run(durable(bench, store))


main()
