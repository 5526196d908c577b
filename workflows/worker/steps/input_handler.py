"""Asking a workflow's input handler before people, durably."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from workflows.engine import AlreadyAnswered, RequestClosed
from workflows.engine.execution.attempt import run_apart
from workflows.engine.execution.tasks import is_stopped
from workflows.engine.machine.error_record import describe, wrong_request_error
from workflows.errors import DurableError
from workflows.models import InputRequest
from workflows.sql.step_context import step_code

if TYPE_CHECKING:
    from workflows.worker.active_run import LiveRun

logger = logging.getLogger(__name__)


async def ask(live: LiveRun, request_id: str) -> None:
    """Ask the handler about one request; its answer goes through the row's own verb.

    A run whose handler is thinking stays in hand, so that after a crash it is asked again.
    Whatever goes wrong, people may answer; only an answer to another request fails the run.
    """
    driver, machine = live.driver, live.machine
    handler = machine.workflow.input_handler
    assert handler is not None
    task = asyncio.current_task()
    try:
        request = machine.check_open(request_id)
        with step_code():
            response = await run_apart(handler(request))
        if response is None:
            live.work.append(lambda: machine.decline(request_id))
        elif response.request_id != request_id:
            error = wrong_request_error(machine.name, request_id, response)
            live.work.append(lambda: machine.fail_handler(error))
        else:
            name = type(request).__name__
            plain = machine.workflow.check_reply(name, request.allow, response)
            await driver.database.call(_answer, live.id, request_id, plain)
            driver.ring()
    except (DurableError, AlreadyAnswered, RequestClosed):
        logger.info("%s: %r was over before the input handler.", machine, request_id)
    except BaseException as error:
        if is_stopped(error, task):
            raise
        told = describe(error, "")["traceback"]
        logger.error("%s: the input handler failed; people may answer.\n%s", machine, told)
        live.work.append(lambda: machine.decline(request_id))
    live.asking.discard(request_id)
    driver.commits.add(live)


def _answer(run_id: Any, request_id: str, response: Any) -> None:
    row = InputRequest.objects.select_related("run").get(run=run_id, request_id=request_id)
    row.answer(response, by=None, door="handler")
