"""Steps use their own connection pool, so neither pages nor other steps lack a connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections, transaction
from django.test import Client
from pytest_django import Settings

from tests.support import polling
from tests.support.worker_control import Register, at_work, rows, run_async, start, until
from workflows.engine import StartEvent, StopEvent, Workflow, step
from workflows.models import WorkflowRun
from workflows.postgresql import base
from workflows.postgresql.pinning import pins
from workflows.sql.step_context import step_code
from workflows.worker import Worker
from workflows.worker.steps.thread_slots import ThreadLimiter

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 60


@pytest.fixture
def pool(settings: Settings) -> Iterator[Callable[..., None]]:
    """Return a function that makes the pool of steps with other settings; restore it afterwards."""
    options = connection.settings_dict["OPTIONS"]["pool"]
    kept = dict(options)

    def change(connections: int, **others: Any) -> None:
        settings.STEP_CONNECTIONS = connections
        options.update(others)
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]

    yield change
    connection.close()
    options.clear()
    options.update(kept)
    connection.close_pool()  # type: ignore[attr-defined]


def in_use() -> int:
    """Return how many connections steps use at present."""
    with step_code():
        stats = connection.pool.get_stats()  # type: ignore[attr-defined]
    return int(stats.get("pool_size", 0)) - int(stats.get("pool_available", 0))


def ended() -> dict[str, int]:
    """Return how many runs have ended, by status."""
    over = WorkflowRun.objects.filter(status__in=WorkflowRun.ENDED)
    return dict(Counter(over.values_list("status", flat=True)))


def test_sixty_steps_that_query_and_then_wait_delay_neither_pages_nor_each_other(
    register: Register, desk: Client
) -> None:
    gate, queried = threading.Event(), threading.Semaphore(0)

    @step
    def query(event: StartEvent) -> StopEvent:
        User.objects.count()
        queried.release()
        gate.wait(60)
        return StopEvent(result=User.objects.count())

    workflow = register(Workflow("t-many", steps=[query]))
    for _ in range(MANY):
        start(workflow)

    def wait_for_all() -> None:
        for _ in range(MANY):
            assert queried.acquire(timeout=30)

    async def scenario() -> None:
        worker = Worker()
        worker.runner.limiter = ThreadLimiter(MANY)
        async with at_work(worker):
            try:
                await asyncio.to_thread(wait_for_all)
                pages = [await rows(lambda: desk.get("/").status_code) for _ in range(3)]
                held = await rows(in_use)
            finally:
                gate.set()
            await until(lambda: sum(ended().values()) == MANY)
        assert pages == [200, 200, 200]
        assert held == 0, "A step keeps a connection although it does not use it."

    run_async(scenario())
    assert ended() == {"completed": MANY}


def test_a_step_that_finds_no_connection_waits_for_one(
    register: Register, pool: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    pool(1, timeout=0.05)
    caplog.set_level(logging.INFO, "workflows.postgresql.base")
    gate, inside = threading.Event(), threading.Event()

    @step
    def work(event: StartEvent) -> StopEvent:
        with transaction.atomic():
            User.objects.count()
            inside.set()
            gate.wait(60)
        return StopEvent()

    workflow = register(Workflow("t-wait", steps=[work]))
    start(workflow), start(workflow)

    async def scenario() -> None:
        async with at_work(Worker()):
            try:
                await asyncio.to_thread(inside.wait, 30)
                await until(lambda: "A step waits for a connection" in caplog.text)
                assert await rows(ended) == {}
            finally:
                gate.set()
            await until(lambda: sum(ended().values()) == 2)

    run_async(scenario())
    assert ended() == {"completed": 2}


def test_an_async_step_uses_the_pool_of_steps_and_keeps_no_connection(
    register: Register,
) -> None:
    gate, queried = asyncio.Event(), threading.Event()
    held: list[int] = []

    @step
    async def work(event: StartEvent) -> StopEvent:
        await User.objects.acount()
        queried.set()
        await gate.wait()
        return StopEvent(result=await User.objects.acount())

    start(register(Workflow("t-async", steps=[work])))

    async def scenario() -> None:
        async with at_work(Worker()):
            await asyncio.to_thread(queried.wait, 30)
            held.append(await rows(in_use))
            gate.set()
            await until(lambda: ended() == {"completed": 1})

    run_async(scenario())
    assert held == [0]


def backend() -> int:
    """Return the id of the server process of this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def in_a_step(function: Callable[[], Any]) -> Any:
    """Call a function in a new thread, as a `def` step is called."""
    found: list[Any] = []

    def call() -> None:
        with step_code():
            try:
                found.append(function())
            except Exception as error:
                found.append(error)
            finally:
                connections.close_all()

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return found[0]


def test_a_step_whose_connection_broke_between_two_statements_gets_another(
    pool: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool(1)
    monkeypatch.setattr(base, "CHECK_AFTER", 0.0)
    first, killed = threading.Event(), threading.Event()
    found: list[int] = []

    def work() -> int:
        found.append(backend())
        first.set()
        killed.wait(30)
        return backend()

    def kill() -> None:
        first.wait(30)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", found)
        connection.close()
        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    second = in_a_step(work)
    killer.join()
    assert isinstance(second, int)
    assert second != found[0]


@pytest.mark.parametrize(
    "statement",
    [
        "SET statement_timeout = 7000",
        "LISTEN something",
        "SELECT pg_advisory_lock(7)",
        "SELECT set_config('statement_timeout', '7000', false)",
        "CREATE TEMPORARY TABLE own (n integer)",
        "/* who knows */ SELECT 1",
    ],
)
def test_a_step_that_changes_its_session_keeps_the_connection_and_no_other_step_gets_it(
    pool: Callable[..., None], statement: str
) -> None:
    pool(1)

    def work() -> tuple[int, int]:
        first = backend()
        with connection.cursor() as cursor:
            cursor.execute(statement)
        assert connection.connection is not None
        return first, backend()

    first, second = in_a_step(work)
    assert first == second
    assert in_a_step(backend) != first


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1", " select 1", "(SELECT 1) UNION (SELECT 2)", "WITH a AS (SELECT 1) TABLE a",
        "INSERT INTO a VALUES (1)", "SELECT pg_advisory_xact_lock(7)", "SET LOCAL lock_timeout = 1",
        'SAVEPOINT "s1"', "ROLLBACK TO SAVEPOINT s1",
    ],
)  # fmt: skip
def test_a_setting_that_ends_with_its_transaction_does_not_keep_the_connection(
    statement: str,
) -> None:
    assert not pins(statement)


def test_all_rows_are_read_before_the_connection_is_given_back(
    pool: Callable[..., None],
) -> None:
    pool(1)
    User.objects.bulk_create(User(username=f"u{n}") for n in range(450))

    def work() -> tuple[int, int, int]:
        listed = sum(1 for _ in User.objects.all())
        streamed = sum(1 for _ in User.objects.iterator(chunk_size=100))
        raw = sum(1 for _ in User.objects.raw("SELECT * FROM auth_user"))
        return listed, streamed, raw

    assert in_a_step(work) == (450, 450, 450)
    polling.until(lambda: in_use() == 0)


def test_on_commit_callbacks_run_once_and_may_query(pool: Callable[..., None]) -> None:
    pool(1)
    ran: list[int] = []

    def work() -> None:
        with transaction.atomic():
            User.objects.create(username="one")
            transaction.on_commit(lambda: ran.append(User.objects.count()))
        transaction.on_commit(lambda: ran.append(User.objects.count()))

    assert in_a_step(work) is None
    assert ran == [1, 1]


def test_a_transaction_that_fails_gives_its_connection_back(pool: Callable[..., None]) -> None:
    pool(1)

    def work() -> int:
        with contextlib.suppress(ValueError), transaction.atomic():
            User.objects.create(username="one")
            raise ValueError("no")
        assert connection.connection is None
        return User.objects.count()

    assert in_a_step(work) == 0


def idle_limit() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        return str(cursor.fetchone()[0])


def test_the_timeout_of_idle_transactions_applies_to_steps_only(
    pool: Callable[..., None], settings: Settings
) -> None:
    pool(1)
    assert (idle_limit(), in_a_step(idle_limit)) == ("10s", "1h")
    settings.STEP_IDLE_IN_TRANSACTION_SECONDS = 0
    pool(1)
    assert (idle_limit(), in_a_step(idle_limit)) == ("10s", "0")


def test_a_step_gets_an_error_if_the_database_is_not_reachable(
    pool: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool(1, timeout=0.5)
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)  # no server uses this port
    assert isinstance(in_a_step(User.objects.count), OperationalError)
