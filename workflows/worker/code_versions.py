"""The workers that are alive, and whose code can take which run.

During an upgrade old and new code work side by side. A worker leaves to the others what only they
know, and gives back what it cannot load while one of them may; so neither blocks the other's runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from workflows.engine import registry
from workflows.models import Worker, WorkflowRun, database_now

Signatures = dict[str, str]  # by the workflow's name

FORGOTTEN = timedelta(days=1)  # after which the row of a dead worker goes


class Fleet:
    """This worker's code, and that of the others that are alive and run other code. One query."""

    def __init__(self, owner: str, now: datetime) -> None:
        self.mine = own_signatures()
        self.code = code_of(self.mine)
        seen = Worker.objects.alive(now).exclude(pk=owner).values_list("signatures", flat=True)
        self.others: dict[str, Signatures] = {code_of(one): one for one in seen}
        self.others.pop(self.code, None)

    def withheld(self) -> Q | None:
        """Return which runs to leave to others: those that only they know, and those that this
        code has refused while one of them has not. None if there are no others."""
        theirs = Q()
        if unknown := {name for one in self.others.values() for name in one} - self.mine.keys():
            theirs |= Q(workflow__in=unknown)
        for code, signatures in self.others.items():
            refused = Q(refusals__contains=self.code) & ~Q(refusals__contains=code)
            theirs |= Q(workflow__in=list(signatures)) & refused
        return theirs or None

    def another_may_load(self, run: WorkflowRun) -> bool:
        """Say whether a live worker has other code for this run that has not refused it yet."""
        return any(
            run.workflow in signatures and code not in run.refusals
            for code, signatures in self.others.items()
        )

    def give_back(self, runs: Collection[WorkflowRun]) -> None:
        """Running -> queued, for runs that this code cannot load and other code may.

        Nobody has died of them, so no takeover is counted for it.
        """
        if not runs:
            return
        mine = Q()
        for run in runs:
            mine |= Q(pk=run.pk, fence=run.fence)
        WorkflowRun.objects.filter(mine, status="running").update(
            status="queued",
            lease_owner="",
            wake_at=database_now(),
            refusals=Concat(F("refusals"), Value(f"{self.code} ")),
        )


def own_signatures() -> Signatures:
    """Return what this process registers."""
    return {workflow.name: workflow.signature for workflow in registry}


def code_of(signatures: Signatures) -> str:
    """Name a worker's code by what it registers: workers of one name load the same runs."""
    text = json.dumps(sorted(signatures.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def heartbeat(owner: str, ids: Collection[UUID], lease: timedelta) -> None:
    """Renew the leases of these runs and say that the worker lives."""
    now = database_now()
    if ids:
        WorkflowRun.objects.renew(owner, ids, now + lease)
    if not Worker.objects.filter(pk=owner).update(seen_at=now):
        Worker.objects.create(pk=owner, signatures=own_signatures(), started_at=now, seen_at=now)
        Worker.objects.filter(seen_at__lt=now - FORGOTTEN).delete()


def leave(owner: str) -> None:
    """Say that the worker is gone."""
    Worker.objects.filter(pk=owner).delete()


def succeed(owner: str) -> None:
    """Take the place of the process before this one: nobody else lives, no lease stands.

    For the embedded mode only, where a start proves that the process before it is gone.
    """
    Worker.objects.exclude(pk=owner).delete()
    WorkflowRun.objects.void_leases(database_now())


def unblock_changed() -> int:
    """Blocked -> queued, where this worker's code differs from the code that gave up."""
    now = database_now()
    count = 0
    for workflow in registry:
        blocked = WorkflowRun.objects.filter(status="blocked", workflow=workflow.name)
        count += blocked.exclude(signature=workflow.signature).update(
            status="queued", wake_at=now, error=None, takeovers=0, refusals=""
        )
    return count
