"""`/requests/answered/`: what is over, to be read."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.listing import Filters, Past
from approvals.verdict import verdict_of
from approvals.views.typed import UserRequest


@require_safe
def answered(http: UserRequest) -> HttpResponse:
    """Show answered requests, or with `?closed=1` those that expired or were cancelled."""
    filters = Filters.of(http.GET)
    past = Past.of(http.user, filters)
    rows = [(row, verdict_of(row.response)) for row in past.rows]
    context = {"filters": filters, "rows": rows, "next_page": past.next_page}
    return render(http, "inbox/answered.html", context)
