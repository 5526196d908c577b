"""What a worker does once a second, however often the bell rings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflows.driver import deadlines
from workflows.driver.fleet import Fleet
from workflows.models import InputRequest, WorkflowRun, database_now
from workflows.models.claiming import SUSPECT_FROM


@dataclass(frozen=True, slots=True)
class Survey:
    """What looks may know from a moment ago: the time it was, and who else is there.

    `suspects` says whether a run that took its worker down twice wants to be claimed by this one.
    """

    now: datetime
    fleet: Fleet
    suspects: bool


def survey(owner: str) -> Survey:
    """Do what time asks for, and look around."""
    now = database_now()
    deadlines.sweep(now)
    InputRequest.objects.name_workflows()
    fleet = Fleet(owner, now)
    return Survey(now, fleet, any_suspect(fleet, now))


def any_suspect(fleet: Fleet, now: datetime) -> bool:
    """Return True if a run is there that has to be claimed alone, and not by others."""
    ready = WorkflowRun.objects.claimable(now).filter(takeovers__gte=SUSPECT_FROM)
    if not ready.exists():
        return False
    withheld = fleet.withheld()
    return withheld is None or ready.exclude(withheld).exists()
