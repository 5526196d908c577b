"""Runs the steps of active runs, and calls their input handlers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections, reset_queries

from workflows.engine.execution.attempt import Attempt
from workflows.engine.execution.tasks import StepTask, is_stopped
from workflows.engine.machine.state import Invocation
from workflows.models import WorkflowRun
from workflows.observability.log_context import with_log_context
from workflows.sql.step_context import step_code
from workflows.worker.active_run import ActiveRun
from workflows.worker.active_runs import ActiveRuns
from workflows.worker.database_thread import DatabaseThread
from workflows.worker.group_commit import GroupCommit
from workflows.worker.steps.input_handler import ask_handler
from workflows.worker.steps.recipients import RecipientChecks, requests_of
from workflows.worker.steps.reused_threads import ReusedThreads
from workflows.worker.steps.thread_slots import ThreadLimiter

logger = logging.getLogger(__name__)

threads = ReusedThreads()
"""Threads for the ORM calls of `async` steps. Steps and pages do not wait for each other."""


class StepRunner:
    """Begins the steps of active runs, and passes their results to the group commit.

    `wake_worker` is called after the answer of a handler was stored.
    """

    def __init__(
        self,
        active_runs: ActiveRuns,
        commit: GroupCommit,
        database: DatabaseThread,
        wake_worker: Callable[[], None],
    ) -> None:
        self.limiter = ThreadLimiter()
        self._active = active_runs
        self._commit = commit
        self._database = database
        self._wake_worker = wake_worker
        self._recipients = RecipientChecks(database)

    def begin_steps(self, run: ActiveRun) -> None:
        """Begin the steps that are ready, and call the input handler for new requests.

        Call this only when the whole state of the run has been committed.
        """
        handler = run.machine.workflow.input_handler
        if handler is not None and run.machine.state.status == "running":
            for request_id in run.machine.awaiting_handler():
                if request_id not in run.asked:
                    run.asked.add(request_id)
                    run.asking.add(request_id)
                    self._spawn(run, self._ask(run, request_id), request_id=request_id)
        if not self._active.draining:
            for invocation in run.machine.start_ready():
                self._spawn(run, self._attempt(run, invocation), step=invocation.step)

    async def _attempt(self, run: ActiveRun, invocation: Invocation) -> None:
        commit = self._commit
        attempt = Attempt(
            run.machine, invocation, run, with_connections,
            on_late_end=lambda: commit.add(run),
        )  # fmt: skip
        task = asyncio.current_task()
        if attempt.step.is_async:
            if run.row.idle_since_recovery:
                await self._mark_started(run)
            with threads.borrow(), step_code():
                await attempt.run(task)
        else:
            async with self.limiter.hold():
                if run.row.idle_since_recovery:
                    await self._mark_started(run)
                await attempt.run(task)
        try:
            if asked := requests_of(attempt):
                await self._recipients.check(run, attempt, asked)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Run %s is loaded again: the database failed.", run.id, exc_info=True)
            self._active.strays.note(error)
            self._active.drop(run)
            return
        except asyncio.CancelledError as error:
            if is_stopped(error, task):
                raise
            attempt.error = error  # the step cancelled its own task before it returned
        run.work.append(attempt.report)
        commit.add(run)

    async def _ask(self, run: ActiveRun, request_id: str) -> None:
        if run.row.idle_since_recovery:
            await self._mark_started(run)
        with threads.borrow():
            if await ask_handler(run, request_id, self._database):
                self._wake_worker()
        run.asking.discard(request_id)
        self._commit.add(run)

    async def _mark_started(self, run: ActiveRun) -> None:
        """Store that a run which was taken over has begun, before it can crash this worker."""
        await self._database.call(WorkflowRun.objects.mark_started, [run.row])

    def _spawn(self, run: ActiveRun, coroutine: Coroutine[Any, Any, None], **about: str) -> None:
        """Start a task whose log lines have these ids."""
        context = with_log_context(run_id=run.id, **about)
        task = StepTask(coroutine, loop=asyncio.get_running_loop(), context=context)
        run.tasks.add(task)
        task.add_done_callback(lambda task: self._ended(run, task))

    def _ended(self, run: ActiveRun, task: asyncio.Task[None]) -> None:
        """Drop a run whose task failed. Its lease ends, and the run is taken over and counted."""
        run.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A task of run %s failed.", run.id, exc_info=error)
            if self._active.runs.get(run.id) is run:
                self._active.drop(run)


def with_connections(function: Callable[[], Any]) -> Any:
    """Call a `def` step with a working database connection, and close it afterwards."""
    with step_code():
        close_old_connections()
        try:
            return function()
        finally:
            close_old_connections()
            reset_queries()
