"""`/`: the requests that wait, and the fragment that keeps the list of an open page true."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url
from django_htmx.middleware import HtmxDetails

from approvals.door import find
from approvals.errors import NotVisible
from approvals.listing import Filters, Waiting
from approvals.views.typed import UserRequest
from workflows.models import InputRequest


@require_safe
def inbox(http: UserRequest) -> HttpResponse:
    """Show the list with nothing opened; to htmx only the rows, with `?open=` a word on that one.

    The fragment also renews the counts and the page's title, and says beside the form of the
    open request, out of band, whether it still waits: what is being typed there stays untouched.
    """
    filters = Filters.of(http.GET)
    context = shell(http, filters)
    if not wants_fragment(http.htmx):
        return render(http, "inbox/page.html", context)
    context["watched"] = watched(http)
    context["opened"] = context["watched"]
    response = render(http, "inbox/page.html#list", context)
    searched_from = http.htmx.current_url_abs_path
    if http.htmx.trigger == "filters" and searched_from:
        replace_url(response, urlsplit(searched_from).path + filters.query)
    return response


def shell(http: UserRequest, filters: Filters) -> dict[str, Any]:
    """Return what the list and the frame around it need, for any page of the inbox."""
    waiting = Waiting.of(http.user, filters)
    return {"filters": filters, "waiting": waiting, "waiting_count": waiting.total}


def wants_fragment(htmx: HtmxDetails) -> bool:
    """Say whether a part of the page was asked for; going back in history wants it whole."""
    return bool(htmx) and not htmx.history_restore_request


def watched(http: UserRequest) -> InputRequest | None:
    """Return the request that stands open beside the list, if it may be seen."""
    try:
        return find(http.user, http.GET["open"]) if http.GET.get("open") else None
    except NotVisible:
        return None
