"""What no database takes is the sender's mistake, and answered so: 400, not 500.

PostgreSQL refuses a NUL wherever it comes from, and numbers and dates that are too large for it;
SQLite takes most of that. Both answer alike here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.defaults import bad_request

logger = logging.getLogger(__name__)


class InvalidCharactersMiddleware:
    """Refuses a NUL in an address, forms in other encodings, and what is no value of a column."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Look at the address; a form's fields have checks of their own."""
        query = request.META.get("QUERY_STRING", "")
        if "\x00" in request.path or "\x00" in query or "%00" in query:
            return _refused("There is a NUL character in the address.")
        charset = request.content_params.get("charset", "utf-8") if request.content_params else ""
        if charset and charset.lower() not in ("utf-8", "utf8"):
            return _refused("Send what you send in UTF-8.")
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Answer for a value that the database refused, or that is beyond the calendar."""
        if not isinstance(exception, DataError | OverflowError):
            return None
        logger.warning("%s %s: refused by the database.", request.method, request.path,
                       exc_info=exception)  # fmt: skip
        return bad_request(request, exception)


def _refused(sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=400, content_type="text/plain")
