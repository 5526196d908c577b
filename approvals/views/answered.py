"""`/requests/answered/`: the closed requests."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.inbox.filters import Filters
from approvals.inbox.queries import ArchivePage
from approvals.inbox.rows import past_row
from workflows.web.http import current_user


@require_safe
def answered(http: HttpRequest) -> HttpResponse:
    """Show answered requests, or with `?closed=1` those that expired or were cancelled."""
    filters = Filters.of(http.GET)
    past = ArchivePage.of(current_user(http), filters)
    rows = [past_row(one) for one in past.rows]
    context = {
        "filters": filters, "rows": rows, "next_page": past.next_page,
        "is_paged": bool(filters.after or past.next_page),
    }  # fmt: skip
    return render(http, "inbox/answered.html", context)
