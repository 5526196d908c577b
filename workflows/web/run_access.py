"""What of a run a person may read who may see the run, but not each of its requests.

A run page is open to whoever started the run or may see one request of it. What the run carries may
repeat the requests that were given to others: its state does, an error quotes what a step held, a
result sums it up. So what is not itself guarded by `visible_to` goes by this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from workflows.models import InputRequest, WorkflowRun
from workflows.models.permissions import Perm

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


@dataclass(frozen=True, slots=True)
class RunAccess:
    """How much of one run, which they may see, a person may read.

    `sees_all_requests`: no request of the run is hidden from them. `is_owner`: they started the
    run, or may see every run.
    """

    sees_all_requests: bool
    is_owner: bool

    @classmethod
    def of(cls, user: User, run: WorkflowRun) -> RunAccess:
        """Read it: one query, none for whoever sees every request."""
        hides = run.requests.hidden_from(user).exists()
        return cls(not hides, run.started_by_id == user.pk or user.has_perm(Perm.SEE_ALL_RUNS))

    @property
    def to_state(self) -> bool:
        """Whether they may read the state, errors and progress: these may quote any request."""
        return self.sees_all_requests

    @property
    def to_values(self) -> bool:
        """Whether they may read the input and the result, which are meant for the run's owner."""
        return self.sees_all_requests or self.is_owner


def hiding_requests(user: User | AnonymousUser, runs: Iterable[WorkflowRun]) -> set[UUID]:
    """Return the ids of those of `runs` of which a request is hidden from `user`: one query."""
    hidden = InputRequest.objects.hidden_from(user).filter(run__in=[run.pk for run in runs])
    return set(hidden.order_by().values_list("run", flat=True).distinct())
