"""Threads that requests and async steps reuse: how many there are, and their connections."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from autobahn.exception import Disconnected
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIHandler
from django.db import connection, connections
from django.db.backends.signals import connection_created
from pytest_django import Settings

from tests.support.polling import until as wait_until
from tests.support.worker_control import Register, at_work, rows, run_async, start, until
from workflows import models
from workflows.engine import Event, StartEvent, StopEvent, Workflow, step
from workflows.models import WorkflowRun
from workflows.server.closed_sockets import ClosedSocketMiddleware
from workflows.server.request_threads import RequestThreads
from workflows.sockets.content_checks import loop_content_checks
from workflows.worker import Worker
from workflows.worker.database_thread import DatabaseThread
from workflows.worker.heartbeat import LeaseRenewer
from workflows.worker.steps.reused_threads import ReusedThreads


class Second(Event):
    """The event between the two steps."""


async def thread_of() -> int:
    """Return the thread in which thread-sensitive code runs in this context."""
    return await sync_to_async(threading.get_ident)()


async def ask(application: Any, path: str = "/healthz") -> int:
    """Send a GET to an ASGI application and return the status."""
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"",
        "headers": [(b"host", b"testserver")], "server": ("testserver", 80),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []
    body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if body:
            return body.pop()
        await asyncio.Event().wait()
        raise AssertionError("nothing else comes")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return int(sent[0]["status"])


async def test_calls_one_after_another_use_one_thread() -> None:
    threads, seen = ReusedThreads(), set()
    for _ in range(20):
        with threads.borrow():
            seen.add(await thread_of())
        await asyncio.to_thread(wait_until, lambda: len(threads._idle) == 1)
    assert len(seen) == 1


async def test_calls_at_the_same_time_have_their_own_threads_and_few_are_kept() -> None:
    threads = ReusedThreads(max_idle=2)
    together = asyncio.Barrier(5)

    async def use() -> int:
        with threads.borrow():
            found = await thread_of()
            await together.wait()
            return found

    assert len(set(await asyncio.gather(*(use() for _ in range(5))))) == 5
    await asyncio.to_thread(wait_until, lambda: len(threads._idle) == 2)


async def test_a_busy_thread_is_not_used_again() -> None:
    threads, gate, entered = ReusedThreads(), threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        gate.wait(20)

    async def leave() -> None:
        with threads.borrow():
            await sync_to_async(work)()

    task = asyncio.create_task(leave())
    await asyncio.to_thread(entered.wait, 20)
    task.cancel()
    await asyncio.wait({task})
    try:
        async with asyncio.timeout(20):
            with threads.borrow():
                await thread_of()
    finally:
        gate.set()


def test_a_thread_is_returned_from_a_block_that_ends_in_another_context() -> None:
    threads = ReusedThreads()
    borrowed = threads.borrow()
    contextvars.copy_context().run(borrowed.__enter__)
    with pytest.raises(ValueError, match="different Context"):  # a step that is garbage-collected
        borrowed.__exit__(None, None, None)
    assert len(threads._idle) == 1


@pytest.mark.django_db(transaction=True)
async def test_requests_leave_no_more_threads_than_there_were_at_once() -> None:
    application = RequestThreads(ASGIHandler())
    before = threading.active_count()
    for _ in range(30):
        assert await ask(application) == 200
    assert threading.active_count() - before <= 2


@pytest.mark.django_db(transaction=True)
def test_with_debug_no_thread_stores_its_statements(settings: Settings) -> None:
    settings.DEBUG = True
    logs: list[int] = []

    async def scenario() -> None:
        database = DatabaseThread()
        for _ in range(3):
            await database.call(User.objects.count)
        logs.append(await database.call(lambda: len(connection.queries_log)))
        await database.close()
        loop = asyncio.get_running_loop()
        for number in range(3):
            await loop_content_checks().check(number, lambda: User.objects.count() > 0)
        looks = [loop.run_in_executor(None, lambda: len(connection.queries_log)) for _ in range(8)]
        logs.extend(await asyncio.gather(*looks))

    asyncio.run(scenario())
    assert set(logs) == {0}


@pytest.mark.django_db(transaction=True)
def test_with_debug_the_lease_thread_stores_no_statements(settings: Settings) -> None:
    settings.DEBUG = True
    kept: list[Any] = []

    def watch(*, connection: Any, **_: Any) -> None:
        if threading.current_thread().name == "workflow-lease":
            kept.append(connection)

    connection_created.connect(watch)
    lease = LeaseRenewer("me", {}, timedelta(seconds=0.3))
    lease.start()
    try:
        wait_until(lambda: models.WorkerHeartbeat.objects.filter(pk="me").exists())
    finally:
        lease.stop()
        connection_created.disconnect(watch)
    assert [len(one.queries_log) for one in kept] == [0]


@pytest.mark.django_db(transaction=True)
def test_async_steps_use_the_database_at_the_same_time_and_leave_no_connection(
    register: Register,
) -> None:
    together, wrappers = threading.Barrier(3), []

    def query() -> None:
        User.objects.count()
        together.wait(20)  # this fails if all steps share one thread
        wrappers.append(connections["default"])

    @step
    async def work(event: StartEvent) -> StopEvent:
        await sync_to_async(query)()
        return StopEvent()

    workflow = register(Workflow("t-async-orm", steps=[work]))
    for _ in range(3):
        start(workflow)

    async def scenario() -> None:
        async with at_work(Worker()):
            done = WorkflowRun.objects.filter(status="completed")
            await until(lambda: done.count() == 3)
            await rows(lambda: wait_until(lambda: all(not one.connection for one in wrappers)))

    run_async(scenario())


@pytest.mark.django_db(transaction=True)
def test_inside_async_to_sync_steps_have_their_own_threads(register: Register) -> None:
    seen: list[int] = []

    @step
    async def first(event: StartEvent) -> Second:
        seen.append(await thread_of())
        return Second()

    @step
    async def second(event: Second) -> StopEvent:
        seen.append(await thread_of())
        return StopEvent()

    start(register(Workflow("t-called", steps=[first, second])))
    async_to_sync(Worker().run_until_idle)()
    connections.close_all()
    assert len(seen) == 2
    assert threading.get_ident() not in seen


async def test_sending_to_a_closed_page_raises_no_error() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        raise Disconnected("Attempt to send on a closed protocol")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "look again"})
        await send({"type": "websocket.close"})

    await ClosedSocketMiddleware(application)({}, None, send)
    assert len(sent) == 2


async def test_another_error_of_a_socket_is_still_an_error() -> None:
    async def send(message: Any) -> None:
        raise ValueError("no such message")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "nonsense"})

    with pytest.raises(ValueError, match="no such"):
        await ClosedSocketMiddleware(application)({}, None, send)
