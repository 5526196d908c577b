"""The ids in a page's address, for the log lines of its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from workflows.observability import log_context


class LogContextMiddleware:
    """Makes everything that a request logs carry the ids in its address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and forget the ids afterwards."""
        token = log_context.set_fields({})
        try:
            return self._get_response(request)
        finally:
            log_context.reset(token)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> None:
        """Note the ids, now that the address has been read."""
        log_context.set_fields(kwargs)
