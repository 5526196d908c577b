"""`/`: the pending requests, and the fragment that updates the list of an open page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url

from approvals.accounts.middleware import page_of
from approvals.actions import find
from approvals.errors import NotVisible
from approvals.inbox.drawn_rows import draw_rows
from approvals.inbox.filters import Filters
from approvals.inbox.queries import InboxPage, etag_of
from approvals.inbox.rows import outcome_of
from workflows.models import InputRequest
from workflows.web.http import current_user, htmx_of, is_fragment


@require_safe
def inbox(http: HttpRequest) -> HttpResponse:
    """Show the list without an open request; for htmx only the rows.

    The fragment also updates the counts and the page's title. With `?open=` it adds a message
    beside the form of the open request (out of band) that says whether the request is still
    pending. What is typed there is kept. A list that the page has already, by its `If-None-Match`,
    is not rendered: 304.
    """
    filters = Filters.of(http.GET)
    if not is_fragment(http):
        return render(http, "inbox/page.html", list_context(http, filters))
    opened = open_request(http)
    context = list_context(http, filters, opened)
    if http.headers.get("If-None-Match") == context["etag"]:
        return HttpResponseNotModified()
    context["watched"] = context["opened"] = opened
    context["outcome"] = outcome_of(opened) if opened else ""
    response = render(http, "inbox/page.html#list", context)
    if htmx_of(http).trigger == "filters":
        replace_url(response, urlsplit(page_of(http)).path + filters.query)
    return response


def list_context(
    http: HttpRequest, filters: Filters, opened: InputRequest | None = None
) -> dict[str, Any]:
    """Return the context of the list and of the page around it, for any page of the inbox."""
    user = current_user(http)
    waiting = InboxPage.of(user, filters)
    return {
        "filters": filters, "waiting": waiting, "waiting_count": waiting.total,
        "etag": etag_of(waiting, user, opened),
        "rows": lambda: draw_rows(
            waiting.rows, user, filters.query, selectable=waiting.is_selectable,
            opened=opened,
        ),
    }  # fmt: skip


def open_request(http: HttpRequest) -> InputRequest | None:
    """Return the request that is open beside the list, if the person may see it."""
    try:
        return find(current_user(http), http.GET["open"]) if http.GET.get("open") else None
    except NotVisible:
        return None
