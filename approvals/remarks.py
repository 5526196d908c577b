"""What the list says of a request beside its prompt: a few words, only where there is something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from workflows.models import InputRequest, Priority, WorkflowRun

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

RUNS = {
    WorkflowRun.Status.BLOCKED: ("Blocked", True),
    WorkflowRun.Status.PAUSED: ("Run paused", False),
}


class Remark(NamedTuple):
    """Some words; `loud` ones are drawn so that they stand out."""

    words: str
    loud: bool = False


def remarks_on(request: InputRequest, user: User | AnonymousUser) -> Iterator[Remark]:
    """Yield what `user` should know before they open the request."""
    run = request.run
    if run.status in RUNS:
        yield Remark(*RUNS[WorkflowRun.Status(run.status)])
    if request.four_eyes and run.started_by_id == user.pk:
        yield Remark("Needs someone else")
    if request.priority != Priority.NORMAL:
        words = Priority(request.priority).label
        yield Remark(str(words), request.priority > Priority.NORMAL)
    if request.quorum > 1:
        yield Remark(f"{request.votes} of {request.quorum}")
    if holder := request.held_by:
        yield Remark("You have it" if holder.pk == user.pk else f"{holder} has it")
    for tag in request.tags:
        yield Remark(tag)
