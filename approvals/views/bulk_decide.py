"""`/requests/decide/`: answers to many requests at once."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from approvals import actions
from approvals.audit.origin import origin_of
from approvals.bulk_page.page import CHOSEN, Batch, answers_of
from approvals.bulk_page.result import BatchResult
from approvals.errors import TooMany
from workflows.web.http import current_user, typed_before


@require_http_methods(["GET", "HEAD", "POST"])
def decide_many(http: HttpRequest) -> HttpResponse:
    """Show the selected requests (`_id` in the address) with forms; a POST answers a group.

    The page has an address, so that a person can open a request and come back. The response to a
    POST is 303 to this address, unless the result is too large to be kept until then.
    """
    ids = http.GET.getlist(CHOSEN) or http.POST.getlist(CHOSEN)
    address = address_of(ids)
    result: BatchResult | None
    try:
        if http.method == "POST":
            typed, result = None, decide_chosen(http, ids)
            if result.keep(http):
                return HttpResponseRedirect(address, status=303)
        else:
            typed = typed_before(http, "approvals:decide_many")
            result = BatchResult.kept(http, address) if typed is None else None
        batch = Batch.of(current_user(http), ids, result.data() if result else typed)
    except TooMany as error:
        return draw(http, None, address, problem=str(error), status=error.status)
    if result is not None:
        result.put_on(batch)
    return draw(http, batch, address, problem=result.problem if result else "")


def decide_chosen(http: HttpRequest, ids: list[str]) -> BatchResult:
    """Answer the chosen rows of one group.

    `_go` is the key of the group and the decision ("…:approve"), `_id` the chosen rows,
    `_digest.<id>` the digest of what was shown of each. If a value is not valid, nothing is
    decided. Otherwise each row has an outcome of its own.
    """
    address, go = address_of(ids), http.POST.get("_go", "")
    batch = Batch.of(current_user(http), ids, http.POST)
    key, _, verdict = go.partition(":")
    group = batch.group(key)
    if group is None or verdict not in group.reply_kinds:
        return BatchResult.of(http, address, {}, problem="Choose one of the buttons.")
    answers = answers_of(group, verdict, http.POST)
    refusals = {row.request_id: row.error for row in group.rows if row.error}
    if group.has_errors:
        return BatchResult.of(http, address, refusals, wrong=go)
    if not answers and not refusals:
        return BatchResult.of(http, address, {}, problem="Select at least one request.")
    items = actions.decide_many(current_user(http), answers, source="inbox", origin=origin_of(http))
    refusals |= {item.request_id: str(item.refusal or "") for item in items}
    return BatchResult.of(http, address, refusals)


def address_of(ids: list[str]) -> str:
    """Return the address of the batch of these requests."""
    query = urlencode({CHOSEN: list(dict.fromkeys(ids))}, doseq=True)
    return f"{reverse('approvals:decide_many')}?{query}"


def draw(
    http: HttpRequest, batch: Batch | None, address: str, *, problem: str, status: int = 200
) -> HttpResponse:
    """Render the page of a batch, before or after a decision."""
    rows = list(batch.rows) if batch else []
    open_count = sum(row.is_open for row in rows)
    is_empty = not (rows or (batch and batch.hidden))
    context = {
        "batch": batch, "problem": problem, "address": address, "is_empty": is_empty,
        "open_count": open_count, "decided": sum(row.is_decided for row in rows),
    }  # fmt: skip
    return render(http, "inbox/bulk.html", context, status=status)
