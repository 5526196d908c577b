"""`CSRF_FAILURE_VIEW`: the answer to a POST whose token is not that of the present login."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import render

from approvals.accounts.middleware import to_login
from approvals.accounts.unsent_forms.form_owner import form_owner_of
from approvals.accounts.unsent_forms.other_person import refuse_other_person
from approvals.accounts.unsent_forms.unsent_form import keep, page_behind, warn
from workflows.web.http import htmx_of

RETRY = "X-CSRF-Retry"
"""Tells a page of ours that the same request with the token of the cookie would do."""


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Return 403 to a POST that may be forged. Show a form of this site to its author again.

    A form is of this site if it comes from the same origin and has the signed id of the person for
    whom it was made. No other site can fill in a form in this way.
    """
    form_owner = form_owner_of(request)
    if not form_owner or not is_same_origin(request):
        return render(request, "403_csrf.html", status=403)
    if not request.user.is_authenticated:
        return to_login(request)
    if form_owner != str(request.user.pk):
        return refuse_other_person(request, form_owner)
    get_token(request)  # sets the cookie, if it was missing
    if htmx_of(request):
        response = render(request, "403_csrf.html", status=403)
        response[RETRY] = "1"
        return response
    unsent = keep(request)
    if unsent is not None:
        warn(request, unsent, "The page was older than your login.")
    return HttpResponseRedirect(page_behind(request.get_full_path()), status=303)


def is_same_origin(request: HttpRequest) -> bool:
    """Return True if the browser says that a page of this site sent the request."""
    origin = request.headers.get("Origin")
    if origin:
        return origin == f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Sec-Fetch-Site") == "same-origin"
