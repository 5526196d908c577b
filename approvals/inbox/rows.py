"""The texts of the rows of a list, as dictionaries for the template.

A template first tries each object as a dictionary. With fifty requests and twenty texts of each,
this took longer for model objects than the rest of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from django.utils.text import Truncator, capfirst

from workflows.models import InputRequest, Priority, WorkflowRun
from workflows.templatetags.times import ago, deadline, short_id
from workflows.text.invisible_characters import show_invisibles
from workflows.text.markdown import plain
from workflows.web.answer_labels import answer_summary, by_whom

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

RUN_BADGES = {
    WorkflowRun.Status.BLOCKED: ("Blocked", True),
    WorkflowRun.Status.PAUSED: ("Run paused", False),
}
MAX_TITLE = 80  # characters of a prompt in the label of a checkbox
MAX_EXCERPT = 100  # characters of an answer


class Badge(NamedTuple):
    """A short text; with `emphasis` it is emphasised."""

    text: str
    emphasis: bool = False
    is_claim: bool = False


def waiting_row(request: InputRequest, user: User | AnonymousUser, query: str) -> dict[str, Any]:
    """Return the texts of a pending request for `user`. `query` is added to its link."""
    headline: str = request.headline  # type: ignore[attr-defined]  # the listing annotates it
    return {
        "pk": request.pk,
        "id": str(request.pk),
        "created": request.created_at.isoformat(),
        "priority": int(request.priority),
        "version": row_version(request),
        "address": f"{request.get_absolute_url()}{query}",
        "title": show_invisibles(headline)[:MAX_TITLE],
        "headline": plain(headline),
        "is_due": request.deadline is not None,
        "when": deadline(request.deadline) or ago(request.created_at),
        "place": f"{request.run.workflow} · {request.step} · {short_id(request.run_id)}",
        "badges": [
            {
                "text": show_invisibles(one.text),
                "emphasis": one.emphasis,
                "is_claim": one.is_claim,
            }
            for one in badges_of(request, user)
        ],
    }


def row_version(request: InputRequest) -> str:
    """Return a text that changes when the row of a pending request looks different.

    It does not depend on the claim, which a page shows by itself.
    """
    headline: str = request.headline  # type: ignore[attr-defined]  # the listing annotates it
    shown = (
        headline, request.votes, request.quorum, request.priority, request.deadline, request.tags,
        request.four_eyes, RUN_BADGES.get(WorkflowRun.Status(request.run.status)),
    )  # fmt: skip
    return f"{crc32(repr(shown).encode()):08x}"


def past_row(request: InputRequest) -> dict[str, Any]:
    """Return the texts of a closed request, answered or not."""
    place = f"{request.run.workflow} · {short_id(request.run_id)}"
    headline: str = request.headline  # type: ignore[attr-defined]  # the listing annotates it
    row = {"address": request.get_absolute_url(), "headline": plain(headline)}
    if request.status != InputRequest.Status.ANSWERED:
        status = request.get_status_display()
        return row | {"when": ago(request.created_at), "tag": status, "place": place}
    answer = answer_summary(request.response)
    name = request.answered_by.get_username() if request.answered_by else ""
    by = name or by_whom("", request.source)
    return row | {
        "when": ago(request.answered_at),
        "tag": capfirst(answer.word),
        "tone": answer.tone,
        "place": f"{by} · {place}",
        "excerpt": Truncator(show_invisibles(answer.text)).chars(MAX_EXCERPT)
        if answer.text
        else "",
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


def badges_of(request: InputRequest, user: User | AnonymousUser) -> Iterator[Badge]:
    """Yield the badges that `user` should see before they open the request."""
    run = request.run
    if run.status in RUN_BADGES:
        yield Badge(*RUN_BADGES[WorkflowRun.Status(run.status)])
    if request.four_eyes and run.has_author(user):
        yield Badge("Second person required")
    if request.priority != Priority.NORMAL:
        words = Priority(request.priority).label
        yield Badge(str(words), request.priority > Priority.NORMAL)
    if request.quorum > 1:
        yield Badge(f"{request.votes} of {request.quorum}")
    if (holder := request.held_by) and holder.is_active:
        claim = "Claimed by you" if holder.pk == user.pk else f"Claimed by {holder}"
        yield Badge(claim, is_claim=True)
    for tag in request.tags:
        yield Badge(tag)
