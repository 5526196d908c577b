"""What the log and the metrics say of what was committed: asked, answered, ended.

Only what is in the database is told, so a log line is never ahead of the rows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from workflows.observability import metrics
from workflows.worker.commit.run_update import Write

if TYPE_CHECKING:
    from workflows.worker.active_run import LiveRun

logger = logging.getLogger(__name__)


def tell(live: LiveRun, write: Write) -> None:
    """Tell what this write changed, to whoever reads logs and metrics."""
    workflow = live.row.workflow
    metrics.stepped(workflow, write.journal)
    run = {"run_id": str(write.run_id), "workflow": workflow}
    for entry in write.journal:
        if entry.kind == "answered":
            _answered(entry.data, run)
    for request in write.requests:
        said = {**run, "request_id": str(request.pk), "step": request.step}
        logger.info("A request waits for an answer.", extra=said)
    if write.ends:
        metrics.ENDED.labels(workflow, str(write.status)).inc()
        _ended(write, run)


def _answered(data: dict[str, Any], run: dict[str, str]) -> None:
    said = {**run, "request_id": data["request_id"], "by": data["by"], "door": data["door"]}
    logger.info("An answer was applied.", extra=said)


def _ended(write: Write, run: dict[str, str]) -> None:
    if write.error:
        said = {**run, "step": write.error.get("step") or ""}
        logger.warning("The run failed: %s", write.error.get("message"), extra=said)
    else:
        logger.info("The run is %s.", write.status, extra=run)
