"""The texts of the rows of a list, as dictionaries for the template.

A template first tries each object as a dictionary. With fifty requests and twenty texts of each,
this took longer for model objects than the rest of the page.
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
TITLE = 80  # characters of a prompt in the label of a checkbox
SAID = 100  # characters of an answer


class Remark(NamedTuple):
    """A short text; `loud` ones are emphasised."""

    words: str
    loud: bool = False


def waiting_row(request: InputRequest, user: User | AnonymousUser, query: str) -> dict[str, Any]:
    """Return the texts of a pending request for `user`. `query` is added to its link."""
    headline: str = request.headline  # type: ignore[attr-defined]  # the listing annotates it
    return {
        "pk": request.pk,
        "id": str(request.pk),
        "asked": request.created_at.isoformat(),
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
    """Return the texts of a closed request, answered or not."""
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
        "said": Truncator(visible(verdict.text)).chars(SAID) if verdict.text else "",
    }


def remarks_on(request: InputRequest, user: User | AnonymousUser) -> Iterator[Remark]:
    """Yield the badges that `user` should see before they open the request."""
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
