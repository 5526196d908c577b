"""Middleware of all pages: login, the reader's time zone, and no caching."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from approvals.accounts.unsent_forms.form_owner import form_owner_of
from approvals.accounts.unsent_forms.other_person import refuse_other_person
from approvals.accounts.unsent_forms.unsent_form import (
    forget_sent,
    keep,
    login_address,
    page_behind,
    typed_for,
)
from approvals.models import Preferences
from workflows.web.forms.inputs.datetimes import zone_of
from workflows.web.forms.inputs.typed_numbers import reader_language
from workflows.web.http import htmx_of

Respond = Callable[[HttpRequest], HttpResponseBase]


def freshness(get_response: Respond) -> Respond:
    """Forbid caching of pages, because they are personal and change often.

    The same address returns a page or a fragment, so caches must distinguish the two.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["HX-Request"])
        return response

    return respond


def page_of(request: HttpRequest) -> str:
    """Return the path of the page that sent a request of htmx; `/` if it is of another site."""
    url = htmx_of(request).current_url or ""
    if not url_has_allowed_host_and_scheme(url, request.get_host(), request.is_secure()):
        return "/"
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


class LoginMiddleware(LoginRequiredMiddleware):
    """Requires a login for every view that is not marked `@login_not_required`.

    A form that was made for one person is refused after another person has logged in. If a form is
    posted after the end of its login, its content is kept until the same person logs in again.
    """

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Return a refusal, or None if the view may answer."""
        if not request.user.is_authenticated:
            found: HttpResponseBase | None = super().process_view(
                request, view_func, view_args, view_kwargs
            )
            return found
        form_owner = form_owner_of(request)
        if form_owner and form_owner != str(request.user.pk):
            return refuse_other_person(request, form_owner)
        if request.method == "POST":
            forget_sent(request)
        else:
            request.typed_before = partial(typed_for, request)  # type: ignore[attr-defined]
        return None

    def handle_no_permission(  # type: ignore[override]  # the stubs know of redirects only
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        """Return a redirect to the login, or for htmx 204 with `HX-Redirect` to it.

        A request of a fragment must not follow a redirect, because the login page would be shown
        inside the old page. In both cases the login leads back to the page of the form.
        """
        return to_login(request)


def to_login(request: HttpRequest) -> HttpResponseBase:
    """Keep the posted form, and redirect to the login, which leads back to its page."""
    keep(request)
    if htmx_of(request):
        address = login_address(page_behind(page_of(request)))
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    page = request.get_full_path()
    return redirect(login_address(page_behind(page) if request.method == "POST" else page))


def reader(get_response: Respond) -> Respond:
    """Sets the reader's time zone, and the language in which numbers are read.

    The zone is the one that the person chose, else the browser's (the cookie `timezone`, which a
    script of the page sets), else UTC. The other preference is read by the same query, and is
    `request.keys_off` for the templates.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        name = None
        if request.user.is_authenticated:
            rows = Preferences.objects.filter(user=request.user)
            found = rows.values_list("time_zone", "keys_on").first()
            name, keys_on = found or (None, True)
            request.keys_off = not keys_on  # type: ignore[attr-defined]
        zone = zone_of(name) or zone_of(request.COOKIES.get("timezone"))
        language = request.headers.get("Accept-Language", "")
        with timezone.override(zone), reader_language(language):
            return get_response(request)

    return respond
