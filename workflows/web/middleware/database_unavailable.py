"""Pages while the database is away: a sentence soon, rather than an error late."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError, connection
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from workflows.web.http import htmx_of

logger = logging.getLogger(__name__)

CONNECTION_ERRORS = (OperationalError, InterfaceError)
RETRY_AFTER = "5"  # seconds


class DatabaseUnavailableMiddleware:
    """Answers 503 when there is no database, or when it goes away in the middle of a request.

    It stands before whatever first reads rows. A page gets a sentence, a fragment nothing to draw:
    the script of its page says that it waits, and asks again.
    """

    free = ("/healthz", "/readyz", "/metrics")  # they say in their own way how it is

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Look for the database first, so that nothing is begun without it."""
        if request.path not in self.free:
            try:
                connection.ensure_connection()
            except CONNECTION_ERRORS as error:
                return unavailable(request, error)
        response = self.get_response(request)
        broke = getattr(request, "broke", None)
        return unavailable(request, broke) if isinstance(broke, CONNECTION_ERRORS) else response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer for a view whose database went away, or was too busy to be waited for."""
        return unavailable(request, exception) if isinstance(exception, CONNECTION_ERRORS) else None


@receiver(got_request_exception)
def keep_middleware_error(*, request: HttpRequest | None = None, **_: Any) -> None:
    """Keep the error of a middleware: Django has made a 500 of it before we see the answer."""
    if request is not None:
        request.broke = sys.exc_info()[1]  # type: ignore[attr-defined]


def unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the page that says so, without anything that would need the database."""
    reason = str(error).splitlines()[0] if str(error) else repr(error)
    logger.warning("%s %s: the database is away. %s", request.method, request.path, reason)
    headers = {"Retry-After": RETRY_AFTER, "HX-Reswap": "none"}
    fragment = htmx_of(request)
    text = "" if fragment else render_to_string("503.html")
    return HttpResponse(text, status=503, headers=headers)
