"""`/requests/answered/`: what is over, to be read."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.filters import Filters
from approvals.listing import Past
from approvals.verdict import verdict_of
from workflows.views.requester import person


@require_safe
def answered(http: HttpRequest) -> HttpResponse:
    """Show answered requests, or with `?closed=1` those that expired or were cancelled."""
    filters = Filters.of(http.GET)
    past = Past.of(person(http), filters)
    rows = [(row, verdict_of(row.response)) for row in past.rows]
    context = {"filters": filters, "rows": rows, "next_page": past.next_page}
    return render(http, "inbox/answered.html", context)
