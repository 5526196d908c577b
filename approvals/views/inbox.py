"""`/`: the requests that wait, and the fragment that keeps the list of an open page true."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url

from approvals.accounts.middleware import page_of
from approvals.actions import find
from approvals.errors import NotVisible
from approvals.inbox.filters import Filters
from approvals.inbox.queries import InboxPage
from approvals.inbox.rows import outcome_of, waiting_row
from workflows.models import InputRequest
from workflows.web.http import current_user, htmx_of, is_fragment


@require_safe
def inbox(http: HttpRequest) -> HttpResponse:
    """Show the list with nothing opened; to htmx only the rows, with `?open=` a word on that one.

    The fragment also renews the counts and the page's title, and says beside the form of the
    open request, out of band, whether it still waits: what is typed there is kept.
    """
    filters = Filters.of(http.GET)
    context = list_context(http, filters)
    if not is_fragment(http):
        return render(http, "inbox/page.html", context)
    context["watched"] = context["opened"] = opened = open_request(http)
    context["outcome"] = outcome_of(opened) if opened else ""
    response = render(http, "inbox/page.html#list", context)
    if htmx_of(http).trigger == "filters":
        replace_url(response, urlsplit(page_of(http)).path + filters.query)
    return response


def list_context(http: HttpRequest, filters: Filters) -> dict[str, Any]:
    """Return what the list and the frame around it need, for any page of the inbox."""
    user, query = current_user(http), filters.query
    waiting = InboxPage.of(user, filters)
    rows = [waiting_row(one, user, query) for one in waiting.rows]
    return {"filters": filters, "waiting": waiting, "rows": rows, "waiting_count": waiting.total}


def open_request(http: HttpRequest) -> InputRequest | None:
    """Return the request that stands open beside the list, if it may be seen."""
    try:
        return find(current_user(http), http.GET["open"]) if http.GET.get("open") else None
    except NotVisible:
        return None
