"""The builds of the workers that are alive, and which of them can load which run.

During an upgrade old and new code run side by side. A worker does not lease runs that only other
workers can load. If it cannot load a run that another worker may load, it gives the run back. So
no build blocks the runs of another build.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import datetime

from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from workflows.engine import registry
from workflows.models import WorkerHeartbeat, WorkflowRun, database_now

Signatures = dict[str, str]  # by the workflow's name


class BuildCompatibility:
    """This worker's build, and the other builds of workers that are alive. One query."""

    def __init__(self, owner: str, now: datetime) -> None:
        self.signatures = workflow_signatures()
        self.build = build_id(self.signatures)
        seen = (
            WorkerHeartbeat.objects.alive(now)
            .exclude(pk=owner)
            .values_list("signatures", flat=True)
        )
        self.others: dict[str, Signatures] = {build_id(one): one for one in seen}
        self.others.pop(self.build, None)

    def excluded(self) -> Q | None:
        """Return the runs that this worker must not lease; None if there are no other builds.

        These are runs of workflows that only other builds know, and runs that this build could
        not load while another build has not tried.
        """
        theirs = Q()
        if (
            unknown := {name for one in self.others.values() for name in one}
            - self.signatures.keys()
        ):
            theirs |= Q(workflow__in=unknown)
        for build, signatures in self.others.items():
            refused = Q(incompatible_builds__contains=self.build) & ~Q(
                incompatible_builds__contains=build
            )
            theirs |= Q(workflow__in=list(signatures)) & refused
        return theirs or None

    def another_may_load(self, run: WorkflowRun) -> bool:
        """Return True if a live worker has another build that may be able to load this run."""
        return any(
            run.workflow in signatures and build not in run.incompatible_builds
            for build, signatures in self.others.items()
        )

    def give_back(self, runs: Collection[WorkflowRun]) -> None:
        """Running -> queued, for runs that this build cannot load and another may.

        These runs have not crashed a worker, so their `crash_count` does not grow.
        """
        if not runs:
            return
        leased = Q()
        for run in runs:
            leased |= Q(pk=run.pk, fence=run.fence)
        WorkflowRun.objects.filter(leased, status="running").update(
            status="queued",
            lease_owner="",
            wake_at=database_now(),
            incompatible_builds=Concat(F("incompatible_builds"), Value(f"{self.build} ")),
        )


def workflow_signatures() -> Signatures:
    """Return the signatures of the workflows that this process registers."""
    return {workflow.name: workflow.signature for workflow in registry}


def build_id(signatures: Signatures) -> str:
    """Return the id of a build, made from its signatures. One build loads the same runs."""
    text = json.dumps(sorted(signatures.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def unblock_changed() -> int:
    """Blocked -> queued, for runs that were blocked by code that differs from this worker's."""
    now = database_now()
    count = 0
    for workflow in registry:
        blocked = WorkflowRun.objects.filter(status="blocked", workflow=workflow.name)
        count += blocked.exclude(signature=workflow.signature).update(
            status="queued", wake_at=now, error=None, crash_count=0, incompatible_builds=""
        )
    return count
