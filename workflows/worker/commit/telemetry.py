"""Logs and metrics of a commit: requests, answers, and runs that ended.

They are recorded after the commit, so each log line describes rows that are in the database.
"""

from __future__ import annotations

import logging
from typing import Any

from workflows.observability import metrics
from workflows.worker.commit.run_update import RunUpdate

logger = logging.getLogger(__name__)


def record(workflow: str, update: RunUpdate) -> None:
    """Log and count the changes of this update of a run of `workflow`."""
    metrics.count_steps(workflow, update.journal)
    run = {"run_id": str(update.run_id), "workflow": workflow}
    for entry in update.journal:
        if entry.kind == "answered":
            _log_answer(entry.data, run)
    for request in update.requests:
        about = {**run, "request_id": str(request.pk), "step": request.step}
        logger.info("A request waits for an answer.", extra=about)
    if update.ends:
        metrics.ENDED.labels(workflow, str(update.status)).inc()
        _log_end(update, run)


def _log_answer(data: dict[str, Any], run: dict[str, str]) -> None:
    about = {**run, "request_id": data["request_id"], "by": data["by"], "source": data["source"]}
    logger.info("An answer was applied.", extra=about)


def _log_end(update: RunUpdate, run: dict[str, str]) -> None:
    if update.error:
        about = {**run, "step": update.error.get("step") or ""}
        logger.warning("The run failed: %s", update.error.get("message"), extra=about)
    else:
        logger.info("The run is %s.", update.status, extra=run)
