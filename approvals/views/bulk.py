"""`/requests/decide/`: answers to many requests at once."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from approvals import door
from approvals.batch import CHOSEN, Batch, Group, answers_of
from approvals.errors import TooMany
from approvals.origin import origin_of
from workflows.views.requester import person, typed_before


@require_http_methods(["GET", "HEAD", "POST"])
def decide_many(http: HttpRequest) -> HttpResponse:
    """Show what was chosen (`_id` in the address) with forms to answer it; a POST answers a group.

    `_go` is the key of the group and what is decided ("…:approve"), `_id` the rows of it that are
    chosen, `_digest.<id>` what was shown of each. If a value does not fit, nothing is decided;
    else each row has an outcome of its own. The page has an address, so that one can look at a
    request and come back.
    """
    ids = http.GET.getlist(CHOSEN) or http.POST.getlist(CHOSEN)
    data = http.POST if http.method == "POST" else typed_before(http, "approvals:decide_many")
    try:
        batch = Batch.of(person(http), ids, data)
    except TooMany as error:
        return draw(http, None, ids, problem=str(error), status=error.status)
    if http.method != "POST":
        return draw(http, batch, ids)
    key, _, verdict = http.POST.get("_go", "").partition(":")
    group = batch.group(key)
    if group is None or verdict not in group.verdicts:
        return draw(http, batch, ids, problem="Choose one of the buttons.", status=422)
    return decide_group(http, batch, group, verdict, ids)


def decide_group(
    http: HttpRequest, batch: Batch, group: Group, verdict: str, ids: list[str]
) -> HttpResponse:
    """Answer the chosen rows of a group; 303 to the same page once there is nothing to correct."""
    answers = answers_of(group, verdict, http.POST)
    if group.has_errors:
        return draw(http, batch, ids, status=422)
    if not answers and not any(row.refusal for row in group.rows):
        return draw(http, batch, ids, problem="Choose at least one request.", status=422)
    decided = door.decide_many(person(http), answers, door="inbox", origin=origin_of(http))
    done = {item.request_id: item for item in decided}
    for row in group.rows:
        if row.item.request_id in done:
            row.item = done[row.item.request_id]
            row.is_chosen = False
    refused = any(row.item.refusal for row in batch.rows)
    if refused or any(row.is_open for row in batch.rows if row.item.outcome is None):
        return draw(http, batch, ids)
    response = HttpResponseRedirect(address_of(ids))
    response.status_code = 303
    return response


def address_of(ids: list[str]) -> str:
    """Return the address of the batch of these requests."""
    query = urlencode({CHOSEN: list(dict.fromkeys(ids))}, doseq=True)
    return f"{reverse('approvals:decide_many')}?{query}"


def draw(
    http: HttpRequest, batch: Batch | None, ids: list[str], *, problem: str = "", status: int = 200
) -> HttpResponse:
    """Render the page of a batch, before or after it."""
    rows = list(batch.rows) if batch else []
    context = {
        "batch": batch, "problem": problem, "address": address_of(ids), "count": len(rows),
        "open_count": sum(row.is_open for row in rows),
        "decided": sum(row.item.outcome is not None for row in rows),
    }  # fmt: skip
    return render(http, "inbox/bulk.html", context, status=status)
