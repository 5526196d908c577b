"""Calls a workflow's input handler for a new request, and stores its answer."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from workflows.engine import AlreadyAnswered, RequestClosed
from workflows.engine.execution.attempt import run_apart
from workflows.engine.execution.tasks import is_stopped
from workflows.engine.machine.error_record import describe, wrong_request_error
from workflows.errors import DurableError
from workflows.models import InputRequest
from workflows.sql.step_context import step_code
from workflows.worker.active_run import ActiveRun
from workflows.worker.database_thread import DatabaseThread

logger = logging.getLogger(__name__)


async def ask_handler(run: ActiveRun, request_id: str, database: DatabaseThread) -> bool:
    """Call the handler for one request. Return True if an answer was stored.

    The answer is stored by `InputRequest.answer`, and the worker then reads it. A run stays active
    while its handler works, so after a crash the handler is called again. If the handler fails,
    people may answer. Only an answer to another request fails the run.
    """
    machine = run.machine
    handler = machine.workflow.input_handler
    assert handler is not None
    task = asyncio.current_task()
    try:
        request = machine.check_open(request_id)
        with step_code():
            response = await run_apart(handler(request))
        if response is None:
            run.work.append(lambda: machine.decline(request_id))
        elif response.request_id != request_id:
            error = wrong_request_error(machine.name, request_id, response)
            run.work.append(lambda: machine.fail_handler(error))
        else:
            name = type(request).__name__
            plain = machine.workflow.check_reply(name, request.allow, response)
            await database.call(_answer, run.id, request_id, plain)
            return True
    except (DurableError, AlreadyAnswered, RequestClosed):
        logger.info("%s: %r was closed before the input handler answered.", machine, request_id)
    except BaseException as error:
        if is_stopped(error, task):
            raise
        traceback = describe(error, "")["traceback"]
        logger.error("%s: the input handler failed; people may answer.\n%s", machine, traceback)
        run.work.append(lambda: machine.decline(request_id))
    return False


def _answer(run_id: Any, request_id: str, response: Any) -> None:
    row = InputRequest.objects.select_related("run").get(run=run_id, request_id=request_id)
    row.answer(response, by=None, source="handler")
