"""What every page has in common: a login, the reader's time zone, and no stale copies."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from approvals.models import Preferences
from workflows.forms.moment import zone_of
from workflows.forms.numbers import reader_language

Respond = Callable[[HttpRequest], HttpResponseBase]


def freshness(get_response: Respond) -> Respond:
    """Keep pages out of every cache: they are personal, and change under the reader.

    The same address gives a page or a fragment, so what does cache must tell them apart.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        patch_vary_headers(response, ["HX-Request"])
        return response

    return respond


def page_of(request: HttpRequest) -> str:
    """Return the path of the page a request of htmx came from; `/` if it is not one of ours."""
    url = request.headers.get("HX-Current-URL", "")
    if not url_has_allowed_host_and_scheme(url, request.get_host(), request.is_secure()):
        return "/"
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


class LoginMiddleware(LoginRequiredMiddleware):
    """Every view needs a login unless it is marked `@login_not_required`.

    A fragment's request cannot follow a redirect to the login page, it would draw that page into
    a corner of the old one. It is told to go there instead, and to come back to its page.
    """

    def handle_no_permission(  # type: ignore[override]  # the stubs know of redirects only
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        """Return a redirect to the login, or for htmx 204 with `HX-Redirect` to it."""
        if request.headers.get("HX-Request") != "true":
            return super().handle_no_permission(request, view_func)
        login = redirect_to_login(page_of(request), self.get_login_url(view_func))
        return HttpResponse(status=204, headers={"HX-Redirect": login.url})


def reader(get_response: Respond) -> Respond:
    """Show times in the reader's zone, and read numbers as their language writes them.

    The zone is the one they chose, else the browser's (the cookie `timezone`, which a script of
    the page keeps), else UTC. The other preference, read along with it, is for the templates:
    `request.keys_off`.
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
