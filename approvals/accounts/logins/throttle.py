"""Failed logins are slowed down; decisions are not.

django-axes asks before each log-in whether it is locked; `attempts` counts. Three things are ours
here: a login without a request (a command, a test client) has no address to count by and
passes; the demo password opens nothing outside DEBUG; and the page that a locked-out person sees.
"""

from __future__ import annotations

from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.helpers import get_cool_off
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from approvals.accounts.demo import NAMES, PASSWORD


class ThrottleBackend(AxesStandaloneBackend):
    """Refuses to look at a password while its name or address is locked out."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Return None (the next backend decides), or raise PermissionDenied when locked out."""
        if not settings.DEBUG and password == PASSWORD and username in NAMES:
            raise PermissionDenied("The demo password opens nothing outside DEBUG.")
        if request is not None:
            super().authenticate(request, username=username, password=password, **kwargs)


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """Return the page of a locked-out login, 429, which says how long to wait."""
    pause = get_cool_off(request)
    minutes = round(pause.total_seconds() / 60) if pause else None
    response = render(request, "registration/locked_out.html", {"minutes": minutes}, status=429)
    if pause:
        response["Retry-After"] = str(int(pause.total_seconds()))
    return response
