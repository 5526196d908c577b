"""`/requests/decide/`: one answer to many requests of one kind."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from approvals import door
from approvals.door.bulk import Item, gather
from approvals.errors import AnswerRefused, Invalid
from approvals.replies import BareForm, form_for
from workflows.forms import SchemaForm
from workflows.models import InputRequest
from workflows.views.requester import person

DIGEST = "_digest."


@require_POST
def decide_many(http: HttpRequest) -> HttpResponse:
    """Show what was chosen (`_id`) with the form to answer it; with `_go`, answer each of it.

    The outcome page lists what became of each. Nothing is decided if the form is not complete,
    or if what was chosen does not take the same answer.
    """
    ids = http.POST.getlist("_id")
    try:
        items = gather(person(http), ids)
    except AnswerRefused as error:
        return draw(http, [], problem=str(error), status=error.status)
    rows = [item.request for item in items if item.request and item.request.is_pending]
    if "_go" not in http.POST or not rows:
        return draw(http, items, form=form_for(rows[0]) if rows else None)
    form = form_for(rows[0], http.POST)
    response = form.answer()
    if form.has_errors:
        return draw(http, items, form=form, status=422)
    digests = {one: http.POST.get(DIGEST + one, "") for one in ids}
    done = door.decide_many(person(http), ids, response, door="inbox", digests=digests)
    faults = [item.refusal for item in done if isinstance(item.refusal, Invalid)]
    if faults and len(faults) == len(done):  # nobody's answer, so it is the form that is wrong
        form.set_errors(faults[0].errors)
        return draw(http, items, form=form, status=Invalid.status)
    return draw(http, done, done=True)


def draw(
    http: HttpRequest,
    items: list[Item],
    *,
    form: BareForm | SchemaForm | None = None,
    problem: str = "",
    done: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Render the page of a batch, before or after it."""
    first = next((item.request for item in items if item.request), None)
    context: dict[str, Any] = {
        "items": items, "form": form, "problem": problem, "done": done, "first": first,
        "is_bare": isinstance(form, BareForm), "if_approved": _shared(items),
        "accepted": sum(item.outcome is not None for item in items),
    }  # fmt: skip
    return render(http, "inbox/bulk.html", context, status=status)


def _shared(items: list[Item]) -> str:
    """Return what an approval does, if all requests say the same and it is still so of each."""
    rows: list[InputRequest] = [item.request for item in items if item.request]
    lines = {row.if_approved for row in rows}
    true = not any(row.edits or row.quorum > 1 for row in rows)
    return lines.pop() if len(lines) == 1 and true else ""
