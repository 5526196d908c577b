"""Leases a run to the worker of this process, in the transaction that makes the run ready.

The worker takes the run over after the commit. Otherwise the run would be queued, and a worker
would be woken and would lease it by a commit of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import F

from workflows.realtime.lease_offer import LeaseOffer
from workflows.sql.lease_runs import ISOLATE_FROM
from workflows.sql.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from workflows.models.runs.run import WorkflowRun


def lease_new(run: WorkflowRun, offer: LeaseOffer, now: datetime) -> None:
    """Lease a run that is not stored yet."""
    run.status, run.fence = run.Status.RUNNING, 1
    run.lease_owner, run.wake_at = offer.owner, now + offer.length


def _waiting() -> models.QuerySet[Any]:
    """Return the run if it waits, and any worker may lease it together with other runs."""
    runs: Any = apps.get_model("workflows", "WorkflowRun").objects
    waiting: models.QuerySet[Any] = runs.filter(
        pk=Parameter("pk", models.UUIDField()), status="waiting",
        crash_count__lt=ISOLATE_FROM, incompatible_builds="",
    )  # fmt: skip
    return waiting


def _columns() -> dict[str, Any]:
    return {
        "delivery_count": F("delivery_count") + 1,
        "status": "running",
        "lease_owner": Parameter("owner", models.CharField()),
        "wake_at": Parameter("until", models.DateTimeField()),
        "fence": F("fence") + 1,
        "idle_since_recovery": False,
    }


LEASE_WAITING_RUN = PreparedQuery(_waiting, setting=_columns)
"""Waiting -> running: count a delivery of a run and lease the run, by one UPDATE."""
