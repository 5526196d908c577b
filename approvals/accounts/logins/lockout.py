"""Applies the limits of failed log-ins.

django-axes checks before each log-in whether it is locked; `login_limits` counts. This module adds
three things. A log-in without a request (a command, a test client) has no address and is not
limited. The demo password is not accepted outside DEBUG. A locked-out person sees our own page.
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


class LockoutBackend(AxesStandaloneBackend):
    """Refuses to check a password while its name or address is locked out."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Return None (the next backend decides), or raise PermissionDenied when locked out."""
        if not settings.DEBUG and password == PASSWORD and username in NAMES:
            raise PermissionDenied("The demo password is not accepted outside DEBUG.")
        if request is not None:
            super().authenticate(request, username=username, password=password, **kwargs)


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """Return the page for a locked-out person, 429, which says how long to wait."""
    pause = get_cool_off(request)
    minutes = round(pause.total_seconds() / 60) if pause else None
    response = render(request, "registration/locked_out.html", {"minutes": minutes}, status=429)
    if pause:
        response["Retry-After"] = str(int(pause.total_seconds()))
    return response
