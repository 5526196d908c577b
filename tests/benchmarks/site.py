"""A whole site in this process: the worker, its wake-ups, and people who call the action."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection

from approvals import actions
from tests.benchmarks import flows
from tests.benchmarks.peers.measure import Clock
from workflows.models import WorkflowRun
from workflows.realtime.outbox import MainLoop
from workflows.realtime.wakeup import WakeupListener
from workflows.worker import Worker

THREADS = 8
"""The number of requests that a web server would answer at once."""


class CommitLog(logging.Handler):
    """Reads the log lines of the worker for committed requests and ended runs."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.asked: dict[str, asyncio.Future[str]] = {}
        self.ended: dict[str, asyncio.Future[float]] = {}
        self.loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        """Set the future of this run."""
        run_id = str(getattr(record, "run_id", ""))
        if record.msg == "A request waits for an answer.":
            self.future(self.asked, run_id).set_result(str(record.__dict__["request_id"]))
        elif record.msg == "The run is %s.":
            self.future(self.ended, run_id).set_result(time.monotonic())

    def future(self, of: dict[str, Any], run_id: str) -> asyncio.Future[Any]:
        """Return the future of this run; make it if it does not exist."""
        if run_id not in of:
            of[run_id] = self.loop.create_future()
        found: asyncio.Future[Any] = of[run_id]
        return found


class People:
    """Threads for the actions of people, each with its own connection and one action at a time."""

    def __init__(self, threads: int) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._threads = [
            threading.Thread(target=self._run, name="people", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def do(self, function: Callable[[], Any]) -> Any:
        """Run `function` in one of the threads and return what it returns."""
        future: Future[Any] = Future()
        self._work.put((function, future))
        return await asyncio.wrap_future(future)

    def leave(self) -> None:
        """End the threads and close their connections."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            function, future = work
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)
        connection.close()


class Site:
    """Starts runs, answers their requests, and waits for commits."""

    def __init__(self, people: People, user: User) -> None:
        self.people = people
        self.user = user
        self.news = CommitLog()

    async def start(self, workflow: str, given: dict[str, Any]) -> str:
        """Start a run through the ORM, and return its id."""
        run = await self.people.do(lambda: WorkflowRun.objects.start(workflow, given, by=self.user))
        return str(run.pk)

    async def asked(self, run_id: str) -> str:
        """Wait until the request of the run is committed, and return its id."""
        found: str = await self.news.future(self.news.asked, run_id)
        return found

    async def approve(self, request_id: str) -> None:
        """Approve a request with the action."""
        await self.people.do(
            lambda: actions.decide(self.user, request_id, {"approved": True}, source="bench")
        )

    async def ended(self, run_id: str) -> float:
        """Wait until the run has ended, and return the time of its end, as `monotonic`."""
        when: float = await self.news.future(self.news.ended, run_id)
        del self.news.ended[run_id]
        self.news.asked.pop(run_id, None)
        return when

    async def cycle(self) -> None:
        """Do one cycle: start, request, answer, resumption, completion."""
        run_id = await self.start(flows.CYCLE.name, {})
        await self.approve(await self.asked(run_id))
        await self.ended(run_id)

    def counted(self, clock: Clock, steps: int) -> Callable[[], Awaitable[None]]:
        """Return a chain whose steps count on `clock`, each committed before the next begins.

        It ends early once the time is over.
        """
        flows.clock = clock

        async def chain() -> None:
            await self.ended(await self.start(flows.COUNTED.name, {"steps": steps}))

        return chain


def reviewer() -> User:
    """Return a user who may start runs and decide."""
    user, made = User.objects.get_or_create(username=flows.PERSON)
    if made:
        user.groups.add(Group.objects.get(name="reviewers"))
    return user


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    """Run a worker on this loop, as `manage.py serve` does."""
    people = People(THREADS)
    site = Site(people, await people.do(reviewer))
    logger = logging.getLogger("workflows.worker.commit.telemetry")
    logger.setLevel(logging.INFO)
    logger.addHandler(site.news)
    MainLoop.loop = asyncio.get_running_loop()
    worker = Worker(embedded=connection.vendor == "sqlite")
    tasks = [asyncio.create_task(worker.serve()), asyncio.create_task(WakeupListener().listen())]
    try:
        yield site
    finally:
        await worker.drain()
        MainLoop.loop = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        logger.removeHandler(site.news)
        site.people.leave()
