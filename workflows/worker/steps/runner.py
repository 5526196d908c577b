"""Beginning what a run in hand may do now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, close_old_connections, reset_queries

from workflows.engine.execution.attempt import Attempt
from workflows.engine.execution.tasks import StepTask, is_stopped
from workflows.engine.machine.state import Invocation
from workflows.models import WorkflowRun
from workflows.observability import log_context
from workflows.sql.step_context import step_code
from workflows.worker.steps.input_handler import ask
from workflows.worker.steps.kept_threads import KeptThreads
from workflows.worker.steps.recipients import check_requests, requests_of

if TYPE_CHECKING:
    from workflows.worker.active_run import LiveRun

logger = logging.getLogger(__name__)

threads = KeptThreads()
"""For what `async` steps do with the ORM: no step waits for another, and no page for a step."""


def begin_steps(live: LiveRun) -> None:
    """Begin the steps that may begin, and ask the input handler what it was not asked yet.

    To be called when all that led here has been committed, and nothing else.
    """
    driver = live.driver
    handler = live.machine.workflow.input_handler
    if handler is not None and live.machine.state.status == "running":
        for request_id in live.machine.awaiting_handler():
            if request_id not in live.asked:
                live.asked.add(request_id)
                live.asking.add(request_id)
                _spawn(live, _ask(live, request_id), request_id=request_id)
    if not driver.draining:
        for invocation in live.machine.start_ready():
            _spawn(live, _attempt(live, invocation), step=invocation.step)


async def _attempt(live: LiveRun, invocation: Invocation) -> None:
    commits = live.driver.commits
    attempt = Attempt(
        live.machine, invocation, live, with_connections,
        on_late_end=lambda: commits.add(live),
    )  # fmt: skip
    task = asyncio.current_task()
    if attempt.step.is_async:
        if live.row.untouched:
            await _touch(live)
        with threads.lend(), step_code():
            await attempt.run(task)
    else:
        async with live.driver.slots.hold():
            if live.row.untouched:
                await _touch(live)
            await attempt.run(task)
    try:
        if asked := requests_of(attempt):
            await check_requests(live, attempt, asked)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("Run %s is loaded again: the database went away.", live.id, exc_info=True)
        live.driver.strays.note(error)
        live.driver.drop(live)
        return
    except asyncio.CancelledError as error:
        if is_stopped(error, task):
            raise
        attempt.error = error  # the step cancelled its own task before it returned
    live.work.append(attempt.report)
    commits.add(live)


async def _ask(live: LiveRun, request_id: str) -> None:
    if live.row.untouched:
        await _touch(live)
    with threads.lend():
        await ask(live, request_id)


async def _touch(live: LiveRun) -> None:
    """Write down that a run which was taken over begins, before it can take this worker down."""
    mark = WorkflowRun.objects.mark_untouched
    await live.driver.database.call(mark, [live.row], untouched=False)


def _spawn(live: LiveRun, coroutine: Coroutine[Any, Any, None], **about: str) -> None:
    """Begin a task whose log lines say what they are about."""
    context = log_context.context_of(run_id=live.id, **about)
    task = StepTask(coroutine, loop=asyncio.get_running_loop(), context=context)
    live.tasks.add(task)
    task.add_done_callback(lambda task: _ended(live, task))


def _ended(live: LiveRun, task: asyncio.Task[None]) -> None:
    """Let go of a run whose task broke: its lease lapses, and it is taken over, not for ever."""
    live.tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("Run %s broke in its worker's hands.", live.id, exc_info=error)
        if live.driver.lives.get(live.id) is live:
            live.driver.drop(live)


def with_connections(function: Callable[[], Any]) -> Any:
    """Call a `def` step with a sound database connection, and leave none behind."""
    with step_code():
        close_old_connections()
        try:
            return function()
        finally:
            close_old_connections()
            reset_queries()
