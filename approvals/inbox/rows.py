"""What a row of a list says of a request, as words that a template only writes down.

A template asks whatever it is given first whether it is a dictionary. With fifty requests and
twenty words of each, to ask models took longer than all the rest of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.text import Truncator, capfirst

from workflows.models import InputRequest, Priority, WorkflowRun
from workflows.templatetags.times import ago, deadline, short_id
from workflows.text.invisible_characters import visible
from workflows.text.markdown import plain
from workflows.web.answer_labels import by_whom, verdict_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

RUNS = {
    WorkflowRun.Status.BLOCKED: ("Blocked", True),
    WorkflowRun.Status.PAUSED: ("Run paused", False),
}
TITLE = 80  # characters of a prompt that tell one tick from another
EXCERPT = 100  # characters of what was answered


class Remark(NamedTuple):
    """Some words; `loud` ones are drawn so that they stand out."""

    words: str
    loud: bool = False


def waiting_row(request: InputRequest, user: User | AnonymousUser, query: str) -> dict[str, Any]:
    """Return what `user` reads of a request that waits; `query` goes along to its page."""
    headline: str = request.headline  # type: ignore[attr-defined]  # the listing annotates it
    return {
        "pk": request.pk,
        "id": str(request.pk),
        "created": request.created_at.isoformat(),
        "address": f"{request.get_absolute_url()}{query}",
        "title": visible(headline)[:TITLE],
        "headline": plain(headline),
        "is_due": request.deadline is not None,
        "when": deadline(request.deadline) or ago(request.created_at),
        "place": f"{request.run.workflow} · {request.step} · {short_id(request.run_id)}",
        "remarks": [
            {"words": visible(one.words), "loud": one.loud} for one in remarks_on(request, user)
        ],
    }


def past_row(request: InputRequest) -> dict[str, Any]:
    """Return what is read of a request that is over, answered or not."""
    place = f"{request.run.workflow} · {short_id(request.run_id)}"
    headline: str = request.headline  # type: ignore[attr-defined]  # the listing annotates it
    row = {"address": request.get_absolute_url(), "headline": plain(headline)}
    if request.status != InputRequest.Status.ANSWERED:
        status = request.get_status_display()
        return row | {"when": ago(request.created_at), "tag": status, "place": place}
    verdict = verdict_of(request.response)
    name = request.answered_by.get_username() if request.answered_by else ""
    by = name or by_whom("", request.source)
    return row | {
        "when": ago(request.answered_at),
        "tag": capfirst(verdict.word),
        "tone": verdict.tone,
        "place": f"{by} · {place}",
        "excerpt": Truncator(visible(verdict.text)).chars(EXCERPT) if verdict.text else "",
    }


def outcome_of(request: InputRequest) -> str:
    """Return how a request ended, in one sentence; empty while it waits."""
    status = InputRequest.Status
    if request.status == status.ANSWERED:
        if request.answered_by:
            return f"{request.answered_by} answered this"
        how = {"deadline": "automatically at the deadline", "handler": "by the workflow itself"}
        return f"This was answered {how.get(request.source, '')}".strip()
    ends = {
        status.EXPIRED: "This request was closed: it expired.",
        status.CANCELLED: "This request was closed with its run.",
    }
    return ends.get(status(request.status), "")


def remarks_on(request: InputRequest, user: User | AnonymousUser) -> Iterator[Remark]:
    """Yield what `user` should know before they open the request."""
    run = request.run
    if run.status in RUNS:
        yield Remark(*RUNS[WorkflowRun.Status(run.status)])
    if request.four_eyes and run.has_author(user):
        yield Remark("Second person required")
    if request.priority != Priority.NORMAL:
        words = Priority(request.priority).label
        yield Remark(str(words), request.priority > Priority.NORMAL)
    if request.quorum > 1:
        yield Remark(f"{request.votes} of {request.quorum}")
    if (holder := request.held_by) and holder.is_active:
        yield Remark("Claimed by you" if holder.pk == user.pk else f"Claimed by {holder}")
    for tag in request.tags:
        yield Remark(tag)
